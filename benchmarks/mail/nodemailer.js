// npm's nodemailer with its pool and its DKIM, in the way of its manual. Rendering is a bare replacing of names, which costs it least.
const fs = require("fs");
const path = require("path");
const readline = require("readline");
const nodemailer = require("nodemailer");

const job = JSON.parse(fs.readFileSync(process.argv[2]));
const FIRST = ["Anaïs", "Jérôme", "Zoé", "François", "Maëlle", "Théo", "Inès", "Loïc", "Chloé", "Noël"];
const place = path.join(job.folder, "templates/email/bench/fr");
const [subject, text, html] = ["subject.txt", "body.txt", "body.html"].map((name) => compile(fs.readFileSync(path.join(place, name), "utf8")));
const base = Buffer.from(Array.from({ length: job.pdf }, (_, n) => (n * 7919 + (n >> 8) * 104729) & 255));
const transport = nodemailer.createTransport({
  pool: true,
  host: "127.0.0.1",
  port: job.port,
  secure: false,
  ignoreTLS: true,
  maxConnections: job.connections,
  maxMessages: Infinity,
  dkim: { domainName: "mairie.example", keySelector: "s2026", privateKey: fs.readFileSync(path.join(job.folder, "key.pem"), "utf8") },
});

function compile(source) {
  const parts = source.split(/\{\{ (\w+) \}\}/);
  return (values) => parts.map((part, n) => (n % 2 ? values[part] : part)).join("");
}

function mail(number) {
  const values = {
    name: `${FIRST[number % 10]} Dupont`,
    number: `2026-${String(number).padStart(6, "0")}`,
    amount: `${(number % 900) + 20},00`,
    link: `https://post.example/l/${String(number).padStart(26, "0")}abcdef`,
    subject: "",
  };
  const pdf = Buffer.concat([base, Buffer.from(`\n%${String(number).padStart(26, "0")}\n`)]);
  return {
    from: "Mairie de Lys <post@mairie.example>",
    to: `anna${number}@client.example`,
    subject: subject(values),
    text: text(values),
    html: html(values),
    attachments: job.pdf ? [{ filename: "Facture.pdf", content: pdf, contentType: "application/pdf" }] : [],
  };
}

async function send(first, count) {
  let next = first;
  const hand = async () => {
    while (next < first + count) await transport.sendMail(mail(next++));
  };
  await Promise.all(Array.from({ length: 2 * job.connections }, hand));
}

async function main() {
  await send(job.start, 20);
  console.log("ready");
  await new Promise((resolve) => readline.createInterface({ input: process.stdin }).once("line", resolve));
  const cpu = process.cpuUsage();
  const started = process.hrtime.bigint();
  const tenth = Math.max(1, Math.floor(job.count / 10));
  await send(job.start, tenth);
  const rss = [process.memoryUsage.rss() / 1e6];
  await send(job.start + tenth, job.count - tenth);
  const seconds = Number(process.hrtime.bigint() - started) / 1e9;
  const used = process.cpuUsage(cpu);
  rss.push(process.memoryUsage.rss() / 1e6);
  console.log(JSON.stringify({ seconds, cpu: (used.user + used.system) / 1e6, rss }));
  process.exit(0);
}

main();
