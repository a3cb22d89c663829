const buttons = (selector) => document.querySelectorAll(`button${selector}`);

for (const button of buttons("[data-copy]")) {
  button.hidden = !isSecureContext;
  button.onclick = () => navigator.clipboard.writeText(button.dataset.copy).then(() => copied(button), () => {});
}
for (const button of buttons("[data-print]")) {
  button.hidden = false;
  button.onclick = () => print();
}
const zones = document.querySelector("[data-zones]");
if (zones && !zones.value) {
  zones.value = Intl.DateTimeFormat().resolvedOptions().timeZone;
  // A zone that is not in the list empties the field.
  if (zones.value) document.getElementById("zone-proposed").hidden = false;
  else zones.value = "";
}
for (const button of buttons("[name=theme]")) button.onclick = () => !choose(button.value);

function copied(button) {
  const status = document.getElementById("status");
  button.dataset.done = status.dataset.quiet = status.textContent = "";
  setTimeout(() => (status.textContent = button.dataset.copied), 100);
}

function choose(theme) {
  const sent = navigator.sendBeacon("/api/preferences", new URLSearchParams({ theme, back: "/" }));
  if (sent) {
    document.documentElement.dataset.theme = theme;
    const zones = document.querySelector("[data-zones]");
if (zones && !zones.value) {
  zones.value = Intl.DateTimeFormat().resolvedOptions().timeZone;
  // A zone that is not in the list empties the field.
  if (zones.value) document.getElementById("zone-proposed").hidden = false;
  else zones.value = "";
}
for (const button of buttons("[name=theme]")) button.ariaPressed = button.value === theme;
  }
  return sent;
}
