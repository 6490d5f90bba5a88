// Shows the description beside this file. A file of its own, because the policy allows no script inside the page.
SwaggerUIBundle({
  url: "doc.json",
  dom_id: "#viewer",
  deepLinking: true,
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  validatorUrl: null,
});
