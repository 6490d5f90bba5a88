// Reads `cargo tree` (lines of `name version|licence`) and refuses licences and crates that this project does not ship. The
// lists are those of deny.toml, so that a machine without cargo-deny checks the same.
import { readFileSync } from "node:fs";

const policy = readFileSync(new URL("../deny.toml", import.meta.url), "utf8");
const list = (name) => [...policy.split(`${name} = [`)[1].split("]")[0].matchAll(/"([^"]+)"/g)].map((hit) => hit[1]);
const allowed = new Set(list("allow"));
const denied = new Set(list("deny"));

// A choice (OR) needs one allowed licence, a conjunction (AND) needs all.
const accepts = (expression) => {
  const text = expression.replaceAll("/", " OR ").trim();
  const split = (word) => {
    const parts = [];
    let depth = 0;
    let from = 0;
    for (const hit of text.matchAll(/[()]|\b(?:AND|OR)\b/g)) {
      if (hit[0] === "(") depth += 1;
      else if (hit[0] === ")") depth -= 1;
      else if (depth === 0 && hit[0] === word) {
        parts.push(text.slice(from, hit.index));
        from = hit.index + word.length;
      }
    }
    return [...parts, text.slice(from)];
  };
  const choices = split("OR");
  if (choices.length > 1) return choices.some(accepts);
  const all = split("AND");
  if (all.length > 1) return all.every(accepts);
  if (text.startsWith("(") && text.endsWith(")")) return accepts(text.slice(1, -1));
  return allowed.has(text.split(" WITH ")[0]);
};

const seen = new Map();
for (const line of readFileSync(0, "utf8").split("\n").filter(Boolean)) {
  const [crate, licence] = line.split("|");
  const [name, version] = crate.split(" ");
  seen.set(`${name} ${version}`, { name, licence: licence.replace(" (*)", "").trim(), git: crate.includes("(http") });
}
const problems = [...seen].flatMap(([crate, { name, licence, git }]) => [
  ...(denied.has(name) ? [`${crate} is banned`] : []),
  ...(licence && accepts(licence) ? [] : [`${crate}: licence ${licence || "unknown"}`]),
  ...(git ? [`${crate} does not come from the registry`] : []),
]);
problems.forEach((problem) => console.error(problem));
console.log(`${seen.size} crates, ${problems.length} problems`);
process.exit(problems.length || seen.size === 0 ? 1 : 0);
