// A worker of the older interface, written from its page alone: no library, no knowledge of the coordinator.
// node seed_worker.js URL WORKER_ID FOLDER POLL_MS BEAT_MS
// It says on its standard output what it does: registered, beat, took ID, done ID CODE, stopped ID.
"use strict";

const { spawn } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const zlib = require("node:zlib");

const [base, workerId, folder, pollMs, beatMs] = process.argv.slice(2);
let busy = false;

const say = (...words) => console.log(words.join(" "));

async function call(method, where, body) {
  const options = { method, headers: { "Content-Type": "application/json" } };
  if (body !== undefined) options.body = JSON.stringify(body);
  const answer = await fetch(new URL(where, base), options);
  const value = await answer.json();
  if (!answer.ok) throw new Error(`${method} ${where}: ${answer.status} ${JSON.stringify(value)}`);
  return { status: answer.status, value };
}

// The entries of a ZIP, read from its central directory: stored or deflated.
function unzip(zip, target) {
  let end = zip.length - 22;
  while (end >= 0 && zip.readUInt32LE(end) !== 0x06054b50) end -= 1;
  let place = zip.readUInt32LE(end + 16);
  for (let left = zip.readUInt16LE(end + 10); left > 0; left -= 1) {
    const [method, packed] = [zip.readUInt16LE(place + 10), zip.readUInt32LE(place + 20)];
    const [names, extra, comment] = [28, 30, 32].map((at) => zip.readUInt16LE(place + at));
    const name = zip.toString("utf8", place + 46, place + 46 + names);
    const local = zip.readUInt32LE(place + 42);
    const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    const data = zip.subarray(start, start + packed);
    const file = path.join(target, name);
    if (name.endsWith("/")) {
      fs.mkdirSync(file, { recursive: true });
    } else {
      fs.mkdirSync(path.dirname(file), { recursive: true });
      fs.writeFileSync(file, method === 8 ? zlib.inflateRawSync(data) : data);
    }
    place += 46 + names + extra + comment;
  }
}

async function download(url, filename, target) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  const zip = Buffer.from(await answer.arrayBuffer());
  fs.writeFileSync(path.join(target, `${filename}.download`), zip);
  unzip(zip, target);
}

function runLine(line, cwd, told, running) {
  return new Promise((resolve) => {
    const child = spawn("bash", ["-c", line], { cwd });
    running.child = child;
    for (const type of ["stdout", "stderr"]) {
      child[type].on("data", (piece) => {
        const data = piece.toString();
        told[type] += data;
        call("POST", "/api/jobs/stream-output", { jobId: running.jobId, data, type }).catch(() => {});
      });
    }
    child.on("close", (code) => resolve(code ?? 1));
  });
}

async function run({ jobId, command, fileUrl, filename }) {
  const cwd = path.join(folder, jobId);
  const told = { stdout: "", stderr: "" };
  const running = { jobId, child: null, stopped: false };
  fs.mkdirSync(cwd, { recursive: true });
  const watch = setInterval(async () => {
    const answer = await call("GET", `/api/jobs/check-cancel?jobId=${jobId}`);
    if (answer.value.cancelRequested && !running.stopped) {
      running.stopped = true;
      running.child?.kill("SIGKILL");
    }
  }, Number(pollMs));
  try {
    await download(fileUrl, filename, cwd);
    let exitCode = 0;
    for (const line of command.split("\n")) {
      if (!running.stopped) exitCode = await runLine(line, cwd, told, running);
    }
    await call("POST", "/api/jobs/submit-result", { jobId, workerId, ...told, exitCode });
    say(running.stopped ? "stopped" : "done", jobId, exitCode);
  } catch (error) {
    await call("PUT", "/api/jobs/submit-result", { jobId, workerId, errorMessage: error.message });
    say("failed", jobId, error.message);
  } finally {
    clearInterval(watch);
  }
}

async function poll() {
  if (busy) return;
  const { value } = await call("GET", "/api/jobs/get-job"); // it does not say who it is
  if (busy || !value.success) {
    if (value.success) say("lost", value.job.jobId); // two polls at once
    return;
  }
  busy = true;
  say("took", value.job.jobId);
  try {
    await run(value.job);
  } finally {
    busy = false;
  }
}

async function main() {
  const facts = { workerId, hostname: os.hostname(), os: process.platform, cpuCount: os.cpus().length };
  await call("POST", "/api/workers/register", { ...facts, version: "1.0.0", status: "idle" });
  say("registered");
  let polling = false;
  setInterval(async () => {
    if (polling) return;
    polling = true;
    await poll().catch((error) => say("error", error.message));
    polling = false;
  }, Number(pollMs));
  setInterval(async () => {
    await call("POST", "/api/workers/heartbeat", { workerId }).catch((error) => say("error", error.message));
    say("beat");
  }, Number(beatMs));
}

main();
