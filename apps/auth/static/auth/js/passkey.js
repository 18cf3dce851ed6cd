/* Asks the browser for a passkey when a form with one is sent, and sends the answer with it (WebAuthn Level 3). */
const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const secretOf = (credential) => credential.getClientExtensionResults().prf?.results?.first;

/** Options as JSON to what the browser takes, with the question for the secret that only this key can answer. */
function options(asked, extra = {}) {
  const found = { ...asked.options, challenge: bytes(asked.options.challenge) };
  for (const list of ["allowCredentials", "excludeCredentials"])
    found[list] = (found[list] ?? []).map((known) => ({ ...known, id: bytes(known.id) }));
  if (found.user) found.user = { ...found.user, id: bytes(found.user.id) };
  found.extensions = { prf: { eval: { first: bytes(asked.prf) } } };
  return { ...found, ...extra };
}

function plain(credential) {
  const { response } = credential;
  const fields = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];
  const given = fields.filter((name) => response[name]).map((name) => [name, text(response[name])]);
  return {
    id: credential.id,
    rawId: text(credential.rawId),
    type: credential.type,
    response: { ...Object.fromEntries(given), transports: response.getTransports?.() ?? [] },
    clientExtensionResults: {},
  };
}

async function ask(kind, asked) {
  if (kind === "get") {
    const found = await navigator.credentials.get({ publicKey: options(asked) });
    return { found, secret: secretOf(found) };
  }
  const found = await navigator.credentials.create({ publicKey: options(asked) });
  let secret = secretOf(found);
  if (!secret && found.getClientExtensionResults().prf?.enabled) {
    // many devices tell the secret only when they are used
    const allowCredentials = [{ type: "public-key", id: found.rawId }];
    const challenge = crypto.getRandomValues(new Uint8Array(32));
    const { rp } = asked.options;
    const used = await navigator.credentials.get({
      publicKey: options(asked, { allowCredentials, challenge, rpId: rp.id, userVerification: "required" }),
    });
    secret = secretOf(used);
  }
  return { found, secret };
}

for (const field of document.querySelectorAll("[data-passkey]")) {
  const { form } = field;
  const chosen = () => form.elements.way?.value ?? "passkey";
  const name = form.elements.username;
  const fit = () => name && (name.required = !["passkey", "certificate"].includes(chosen())); // they tell it
  form.addEventListener("change", fit);
  fit();
  form.addEventListener("submit", async (event) => {
    if (chosen() !== "passkey" || field.value) return;
    event.preventDefault();
    const trouble = form.querySelector("[data-passkey-trouble]");
    trouble.hidden = true;
    try {
      const asked = JSON.parse(document.getElementById(field.dataset.asked).textContent);
      const { found, secret } = await ask(field.dataset.passkey, asked);
      field.value = JSON.stringify({ token: asked.token, credential: plain(found), prf: secret ? text(secret) : "" });
    } catch (error) {
      console.warn(error);
      trouble.hidden = false;
      return;
    }
    form.submit();
  });
}
