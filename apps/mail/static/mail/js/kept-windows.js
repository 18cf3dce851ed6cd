/* Which windows are open in this tab, for the next page: their addresses and names. What is written is in Drafts. */
const person = document.body.dataset.account;

export function kept() {
  const found = JSON.parse(sessionStorage.windows ?? "{}");
  return found.person === person ? found.windows : []; // somebody else has signed in meanwhile
}

export function keep(windows) {
  if (windows.length) sessionStorage.windows = JSON.stringify({ person, windows });
  else delete sessionStorage.windows;
}
