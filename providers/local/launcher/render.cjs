// Writes the release's index.html from its template, once, so that instances need no write access and never race for it.
require("./environment.cjs").prepareNocoBase();
