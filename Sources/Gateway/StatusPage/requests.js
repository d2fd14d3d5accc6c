// What is asked of the sidecar, with the tab's token.

// Of this tab alone. A link could not carry it, so those that need it are not shown then.
const tokenKey = "kinesis-sidecar-token";

function authorization() {
  const token = sessionStorage.getItem(tokenKey);
  return token === null ? {} : { Authorization: "Bearer " + token };
}

class Refused extends Error {
  constructor(status, problem) {
    super(problem?.detail ?? `it answered ${status}`);
    this.status = status;
  }
}

async function refusal(response) {
  const problem = await response.json().catch(() => null);
  return new Refused(response.status, problem);
}

async function get(path) {
  const response = await fetch(path, { cache: "no-store", headers: authorization() });
  // Not ready is an answer too.
  if (!response.ok && path !== "/readyz") throw await refusal(response);
  return response.json();
}

async function post(path, body) {
  const headers = authorization();
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const response = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
  if (!response.ok) throw await refusal(response);
  return response.json();
}

const pathOf = (stream, verb) => `/streams/${encodeURIComponent(stream)}/${verb}`;
const groupPath = ({ stream, group }, verb) => `${pathOf(stream, verb)}?consumerGroup=${encodeURIComponent(group)}`;
