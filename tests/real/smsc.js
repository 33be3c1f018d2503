// An SMPP gateway for tests, on npm's smpp library: node smsc.js PORT RECORD DELAY_MS
// RECORD outlives the process, as a gateway's store does: a line "T id number sender" for every message taken, "R id" for every
// receipt that the client acknowledged. What has a T and no R is pushed again to whoever binds next.
// The number's last digit but for its last two (unique numbers need the rest): see OUTCOMES; the password is "secret".
"use strict";
const fs = require("fs");
const smpp = require("smpp");

const [port, record, delay] = [Number(process.argv[2]), process.argv[3], Number(process.argv[4] || 20)];
// by the digit after the country and operator code +33 6 9
const OUTCOMES = { 1: ["UNDELIV", 5, "001"], 2: ["EXPIRED", 3, "002"], 3: ["REJECTD", 8, "003"] };
const THROTTLED = "8";
const NO_SUCH_NUMBER = "9";
const ANSWERS_STOP = "5";
const MISCHIEF = "7"; // the receipt comes twice, and for a later part before an earlier one

let count = 0;
const open = new Map(); // id -> [number, sender]
let bound = null;
if (fs.existsSync(record)) {
  for (const line of fs.readFileSync(record, "utf8").split("\n")) {
    const [what, id, number, sender] = line.split(" ");
    if (what === "T") { count++; open.set(id, [number, sender]); }
    if (what === "R") open.delete(id);
  }
}
const book = fs.openSync(record, "a");
const note = (line) => fs.writeSync(book, line + "\n");
const digit = (number) => number.slice(4, 5);

function receipt(session, id, number, sender) {
  const [word, state, err] = OUTCOMES[digit(number)] || ["DELIVRD", 2, "000"];
  const when = "2611230900";
  const done = word === "DELIVRD" ? "001" : "000";
  session.deliver_sm(
    {
      source_addr: number, source_addr_ton: 1, source_addr_npi: 1, destination_addr: sender, esm_class: 4,
      short_message: `id:${id} sub:001 dlvrd:${done} submit date:${when} done date:${when} stat:${word} err:${err} text:`,
      receipted_message_id: id, message_state: state,
    },
    (answer) => { if (answer.command_status === 0 && open.delete(id)) note(`R ${id}`); },
  );
}

function push(id) {
  const waiting = open.get(id);
  if (waiting && bound) receipt(bound, id, ...waiting);
}

function submit(session, pdu) {
  const number = pdu.destination_addr;
  const refuse = (status) => session.send(pdu.response({ command_status: status }));
  if (digit(number) === THROTTLED) return refuse(smpp.ESME_RTHROTTLED);
  if (digit(number) === NO_SUCH_NUMBER) return refuse(smpp.ESME_RINVDSTADR);
  const id = (++count).toString(16).padStart(8, "0");
  note(`T ${id} ${number} ${pdu.source_addr}`);
  open.set(id, [number, pdu.source_addr]);
  session.send(pdu.response({ message_id: id }));
  const mischief = digit(number) === MISCHIEF;
  setTimeout(push, mischief ? Math.max(0, delay * 3 - count * 7 % (delay * 3)) : delay, id);
  if (mischief) setTimeout(() => bound && receipt(bound, id, number, pdu.source_addr), delay * 5);
  if (digit(number) === ANSWERS_STOP) {
    setTimeout(() => bound && bound.deliver_sm({
      source_addr: number, source_addr_ton: 1, source_addr_npi: 1, destination_addr: pdu.source_addr, short_message: "STOP",
    }), delay * 2);
  }
}

const server = smpp.createServer({}, (session) => {
  session.on("error", () => session.close());
  session.on("close", () => { if (bound === session) bound = null; });
  session.on("bind_transceiver", (pdu) => {
    if (pdu.password !== "secret") {
      session.send(pdu.response({ command_status: smpp.ESME_RINVPASWD }));
      return session.close();
    }
    bound = session;
    session.send(pdu.response({ system_id: "TESTSMSC" }));
    for (const id of [...open.keys()]) setTimeout(push, delay, id);
  });
  session.on("enquire_link", (pdu) => session.send(pdu.response()));
  session.on("unbind", (pdu) => { session.send(pdu.response()); session.close(); });
  session.on("submit_sm", (pdu) => submit(session, pdu));
});
server.listen(port, "127.0.0.1", () => console.log("listening"));
