// Run calls of the SES API with the AWS SDK for JavaScript, as an application would, and tell what came of each. It
// speaks as calls.py does: a list of calls on standard input, a list of answers on standard output.

import { text } from "node:stream/consumers";
import * as ses from "@aws-sdk/client-ses";
import * as sesv2 from "@aws-sdk/client-sesv2";

const packages = { ses: [ses, ses.SESClient], sesv2: [sesv2, sesv2.SESv2Client] };
const clients = new Map();

function bytes(name, value) {
  return value && typeof value === "object" && "$bytes" in value ? Buffer.from(value.$bytes, "base64") : value;
}

function client(call) {
  const options = {};
  if (call.key) {
    options.credentials = { accessKeyId: call.key, secretAccessKey: call.secret };
    if (call.token) options.credentials.sessionToken = call.token;
  }
  if (call.endpoint) options.endpoint = call.endpoint;
  const name = JSON.stringify([call.service, options]);
  if (!clients.has(name)) clients.set(name, new packages[call.service][1](options));
  return clients.get(name);
}

async function outcome(call) {
  try {
    const Command = packages[call.service][0][`${call.operation}Command`];
    const { $metadata, ...answer } = await client(call).send(new Command(call.input));
    return { answer, request_id: $metadata.requestId, attempts: $metadata.attempts };
  } catch (error) {
    return {
      error: error.name,
      code: error.Code ?? error.name,
      text: error.message,
      status: error.$metadata?.httpStatusCode ?? 0,
      request_id: error.$metadata?.requestId ?? "",
      attempts: error.$metadata?.attempts ?? 0,
    };
  }
}

const calls = JSON.parse(await text(process.stdin), bytes);
const aheadMs = calls[0]?.clock_ahead_ms ?? 0; // a machine whose clock is wrong
const rightNow = Date.now;
Date.now = () => rightNow() + aheadMs;
const answers = [];
for (const call of calls) answers.push(await outcome(call));
process.stdout.write(JSON.stringify(answers));
