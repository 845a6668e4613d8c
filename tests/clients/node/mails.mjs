// Send mail with Nodemailer, by SES and by SMTP, and tell what came of each: a list of `{transport, mail}` or
// `{transport, verify: true}` on standard input, a list of answers on standard output.

import { text } from "node:stream/consumers";
import { SESv2Client, SendEmailCommand } from "@aws-sdk/client-sesv2";
import nodemailer from "nodemailer";

const { smtp, ses, orders } = JSON.parse(await text(process.stdin));
const transports = {
  ses: nodemailer.createTransport({ SES: { sesClient: new SESv2Client(ses ?? {}), SendEmailCommand } }),
  smtp: nodemailer.createTransport(smtp),
};

async function outcome({ transport, mail, verify }) {
  try {
    if (verify) return { answer: { verified: await transports[transport].verify() } };
    const { messageId, response, envelope } = await transports[transport].sendMail(mail);
    return { answer: { messageId, response, envelope } };
  } catch (error) {
    return {
      error: error.name,
      code: String(error.Code ?? error.code ?? ""),
      text: error.message,
      status: error.$metadata?.httpStatusCode ?? error.responseCode ?? 0,
      attempts: error.$metadata?.attempts ?? 0,
    };
  }
}

const answers = [];
for (const order of orders) answers.push(await outcome(order));
process.stdout.write(JSON.stringify(answers));
transports.smtp.close();
