// Zone of the browser, and the distances of times from now.

// The browser's zone, for "My time".
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone) {
  document.cookie = `console-my-zone=${encodeURIComponent(zone)}; Path=/; Max-Age=31536000; SameSite=Lax; Secure`;
}

// Durations as the server writes them: the two largest units.
function spanOf(milliseconds) {
  const seconds = Math.floor(Math.abs(milliseconds) / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86400)} d ${Math.floor((seconds % 86400) / 3600)} h`;
}
const distanceOf = (time, now) => (time <= now ? `${spanOf(now - time)} ago` : `in ${spanOf(time - now)}`);
// The age of a block: one unit is enough.
export const ageOf = (milliseconds) => spanOf(milliseconds).split(" ").slice(0, 2).join(" ");

// Times keep their distance from now, which is visible beside some of them.
setInterval(() => {
  const now = Date.now();
  for (const time of document.querySelectorAll("time[title]")) time.title = distanceOf(Date.parse(time.dateTime), now);
  for (const text of document.querySelectorAll(".ago[data-at]")) text.textContent = `(${distanceOf(Date.parse(text.dataset.at), now)})`;
}, 5000);
