// NocoBase logs the parameters of every request, and hides top-level passwords only. Registering an app sends its
// session key, and a user's form may hold any secret: their values stay out of the log.
const SECRET = /pass(word|wd|phrase)?$|secret|token|private_?key|api_?key/i;

/** A copy in which every text under a secret's name reads `***`; depth is bounded against cycles. */
function redact(value, depth = 0) {
  if (value === null || typeof value !== "object" || depth > 8) return value;
  if (Array.isArray(value)) return value.map((item) => redact(item, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      SECRET.test(key) && typeof item === "string" && item !== "" ? "***" : redact(item, depth + 1),
    ]),
  );
}

/** What NocoBase's request log shows of an action is what its toJSON gives (@nocobase/logger 2.2.15, request-logger). */
function redactRequestLog(requireFromRelease) {
  const { Action } = requireFromRelease("@nocobase/resourcer");
  const { toJSON } = Action.prototype;
  Action.prototype.toJSON = function () {
    return redact(toJSON.call(this));
  };
}

module.exports = { redact, redactRequestLog };
