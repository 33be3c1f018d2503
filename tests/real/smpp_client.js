// npm smpp's own client as a yardstick: node smpp_client.js PORT COUNT WINDOW  -> milliseconds until every receipt was there
"use strict";
const smpp = require("smpp");
const [port, total, window] = process.argv.slice(2).map(Number);
let sent = 0, answered = 0, receipts = 0, begun;
const session = smpp.connect({ url: `smpp://127.0.0.1:${port}` }, () => {
  session.bind_transceiver({ system_id: "post", password: "secret" }, () => {
    begun = process.hrtime.bigint();
    for (let i = 0; i < window; i++) next();
  });
});
const check = () => {
  if (answered < total || receipts < total) return;
  console.log(Number(process.hrtime.bigint() - begun) / 1e6);
  session.unbind(() => process.exit(0));
};
function next() {
  if (sent >= total) return;
  const number = "33690" + String(1000000 + sent++);
  session.submit_sm(
    { source_addr: "MAIRIE", source_addr_ton: 5, destination_addr: number, registered_delivery: 1,
      short_message: "Mairie de Lys : votre facture https://post.example/l/abc" },
    () => { answered++; next(); check(); },
  );
}
session.on("deliver_sm", (pdu) => { receipts++; session.send(pdu.response()); check(); });
