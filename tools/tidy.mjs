// Rules about the tree that no compiler checks: no file nobody can read in one go, no `mod.rs`, no left-over marks, and inside
// chat-core imports run one way: realtime -> chat -> ports -> model.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

const LONGEST = 600;
const files = execFileSync("git", ["ls-files", "*.rs", "*.js", "*.mjs", "*.css"], { encoding: "utf8" }).split("\n").filter(Boolean);
const problems = [];
// What a part of chat-core may not name.
const forbidden = [
  { from: /^chat-core\/src\/model/, to: /crate::(chat|realtime|store|bus|protocol|commit)\b/, why: "the model is plain data" },
  { from: /^chat-core\/src\/protocol/, to: /crate::(chat|realtime|store|bus|commit)\b/, why: "the wire contract knows no engine" },
  { from: /^chat-core\/src\/store\//, to: /crate::(chat|realtime|protocol|commit)\b/, why: "a port knows no caller" },
  { from: /^chat-core\/src\/chat\//, to: /crate::(protocol)\b/, why: "a use case knows no wire format" },
];
for (const file of files) {
  if (/(^|\/)(vendor|swagger-ui)\//.test(file)) continue;
  const text = readFileSync(file, "utf8");
  const lines = text.split("\n");
  if (lines.length > LONGEST && !/^(\/\/!?|\/\*\*?)? ?.*\blong because\b/im.test(text)) problems.push(`${file}: ${lines.length} lines, more than ${LONGEST}`);
  if (/(^|\/)mod\.rs$/.test(file)) problems.push(`${file}: use the flat module style`);
  lines.forEach((line, index) => {
    if (/\b(TODO|FIXME|XXX)\b(?!\(#\d+\))/.test(line) && !file.startsWith("tools/")) problems.push(`${file}:${index + 1}: left-over mark`);
    for (const rule of forbidden) {
      if (rule.from.test(file) && rule.to.test(line) && !line.trim().startsWith("//")) problems.push(`${file}:${index + 1}: ${rule.why}`);
    }
  });
}
problems.forEach((problem) => console.error(problem));
process.exit(problems.length ? 1 : 0);
