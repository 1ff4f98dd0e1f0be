// What a Node developer writes for the same work: chokidar, fs.promises, JSON.parse.
//
//   node chokidar_processor.mjs DATA
//
// chokidar is looked for in the folder NODE_PATH, since an .mjs file does not look there by itself. Nothing is flushed,
// copies are written in place, a document that cannot be parsed yet is tried again for two seconds.
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const require = createRequire(path.join(process.env.NODE_PATH, "bench.js"));
const chokidar = require("chokidar");

const CELTRA = "SYNC/MAKE/Celtra - Create_Rename - Project_Design File";
const DESTINATIONS = {
  BISSELL: "CLIENT-STORES/BISSELL-WRIKE/IN",
  LOREAL: "CLIENT-STORES/LOREAL/IN",
  RECKITTBENCKISER: "SYNC/MAKE/Monday RB",
  RANK: "SYNC/MAKE/Monday Rank",
  CELTRA,
};
const CELTRA_ELIGIBLE = new Set(["CIBC", "OLIVER", "ADIDAS", "PAYPAL", "RECKITTBENCKISER", "BAYER", "3M", "RANK"]);

const data = process.argv[2];
const hot = path.join(data, "JSON");
const logs = path.join(data, "JSON_PARSER_LOGS");
fs.mkdirSync(logs, { recursive: true });
const log = fs.createWriteStream(path.join(logs, "processor.log"), { flags: "a" });

function say(text) {
  log.write(`${new Date().toISOString()} - INFO - ${text}\n`);
}

async function readTicket(file) {
  for (let attempt = 0; ; attempt++) {
    try {
      return JSON.parse(await fs.promises.readFile(file, "utf8"));
    } catch (error) {
      if (!(error instanceof SyntaxError) || attempt === 19) throw error;
      await sleep(100);
    }
  }
}

async function processTicket(file) {
  const start = Date.now();
  const name = path.basename(file);
  const { ClientCode: client, JobCategory: category } = (await readTicket(file)).JobSpecification.JobDetails;
  say(`Processing: ${client}/${name}`);
  const places = [path.join(data, "JSON_STORE", client)];
  if (DESTINATIONS[client]) places.push(path.join(data, DESTINATIONS[client]));
  if (category === "CELTRA" && CELTRA_ELIGIBLE.has(client)) places.push(path.join(data, CELTRA));
  await Promise.all(places.map((place) => fs.promises.copyFile(file, path.join(place, name))));
  places.forEach((place, i) => say(`${i ? "Routed to" : "Stored"}: ${place}`));
  await fs.promises.unlink(file);
  say(`Successfully processed ${client}/${name} (${((Date.now() - start) / 1000).toFixed(2)}s)`);
}

async function setAside(file, error) {
  say(`Failed ${file}: ${error.message}`);
  const folder = path.join(data, "JSON_FAILED", path.basename(path.dirname(file)));
  await fs.promises.mkdir(folder, { recursive: true });
  await fs.promises.rename(file, path.join(folder, path.basename(file)));
}

const watcher = chokidar.watch(hot, { depth: 1, ignoreInitial: false });
watcher.on("add", (file) => {
  if (!file.endsWith(".json")) return;
  processTicket(file)
    .catch((error) => setAside(file, error))
    .catch((error) => say(`Cannot set aside: ${error.message}`));
});
watcher.on("ready", () => say(`Watching ${hot}`));
process.on("SIGTERM", () => watcher.close().then(() => log.end(() => process.exit(0))));
