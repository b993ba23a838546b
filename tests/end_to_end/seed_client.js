// A client of the older interface, written from its page alone.
// node seed_client.js URL create COMMAND...           queue each, wait for all, print their status as JSON
// node seed_client.js URL execute ZIP COMMAND...      the same with a ZIP, by the form
// node seed_client.js URL direct ZIP COMMAND          run it on the coordinator, print the answer as it comes
// node seed_client.js URL cancel JOB
"use strict";

const fs = require("node:fs");

const [base, what, ...rest] = process.argv.slice(2);
const LOOK_MS = 100;

async function json(method, where, body) {
  const options = body === undefined ? { method } : { method, body: JSON.stringify(body) };
  const answer = await fetch(new URL(where, base), options);
  const value = await answer.json();
  if (!answer.ok) throw new Error(`${method} ${where}: ${answer.status} ${JSON.stringify(value)}`);
  return value;
}

async function finished(jobId) {
  for (;;) {
    const job = await json("GET", `/api/jobs/status?jobId=${jobId}`);
    if (job.status === "completed" || job.status === "failed") return job;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

function form(zip, commands, mode) {
  const fields = new FormData();
  fields.append("file", new Blob([fs.readFileSync(zip)], { type: "application/zip" }), "project.zip");
  fields.append("commands", commands);
  fields.append("mode", mode);
  return fetch(new URL("/api/execute", base), { method: "POST", body: fields });
}

async function queued(zip, commands) {
  const answer = await (await form(zip, commands, "distributed")).json();
  if (!answer.success) throw new Error(answer.error);
  return answer.jobId;
}

async function direct(zip, commands) {
  const answer = await form(zip, commands, "direct");
  console.log(`X-Exec-Id: ${answer.headers.get("X-Exec-Id")}`);
  for await (const piece of answer.body) process.stdout.write(piece);
}

async function main() {
  if (what === "cancel") {
    const answer = await json("POST", "/api/jobs/cancel", { jobId: rest[0] });
    return console.log(JSON.stringify(answer));
  }
  if (what === "direct") return direct(...rest);
  const ids = [];
  if (what === "create") {
    for (const command of rest) ids.push((await json("POST", "/api/jobs/create", { command })).jobId);
  } else {
    for (const commands of rest.slice(1)) ids.push(await queued(rest[0], commands));
  }
  console.log(JSON.stringify(ids));
  console.log(JSON.stringify(await Promise.all(ids.map(finished))));
}

main();
