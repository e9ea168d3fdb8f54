// Shows openapi.json with Swagger UI. What is put into "Authorize" stays in this page alone, and nobody else is asked anything.
"use strict";

SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#routes",
  deepLinking: true,
  docExpansion: "none",
  filter: true,
  validatorUrl: null,
});
