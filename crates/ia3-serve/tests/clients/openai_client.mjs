// Drives a running `ia3 serve` with the official client of OpenAI for JavaScript.
//
//     npm install openai
//     node openai_client.mjs http://127.0.0.1:8000 BASE ADAPTER
//
// BASE and ADAPTER are names of models of the server; the base has to have a tokenizer and a chat template.

import assert from "node:assert";
import OpenAI from "openai";

const [address, base, adapter] = process.argv.slice(2);
const client = new OpenAI({ baseURL: `${address}/v1`, apiKey: "none", maxRetries: 0 });

const models = (await client.models.list()).data;
assert.equal(models.find((model) => model.id === adapter).parent, base);

const greedy = { temperature: 0, max_tokens: 8, ignore_eos: true };
const texts = {};
for (const model of [base, adapter]) {
  const whole = await client.completions.create({ model, prompt: "w3 w5", ...greedy });
  assert.equal(whole.usage.completion_tokens, 8);
  let streamed = "";
  let usage = null;
  const options = { stream: true, stream_options: { include_usage: true } };
  for await (const part of await client.completions.create({ model, prompt: "w3 w5", ...options, ...greedy })) {
    streamed += part.choices[0]?.text ?? "";
    usage = part.usage ?? usage;
  }
  assert.equal(streamed, whole.choices[0].text);
  assert.deepEqual(usage, whole.usage);
  texts[model] = streamed;
}
assert.notEqual(texts[base], texts[adapter], "the adapter does nothing");

const messages = [{ role: "user", content: "w5" }];
const chat = await client.chat.completions.create({ model: adapter, messages, ...greedy });
let streamed = "";
for await (const part of await client.chat.completions.create({ model: adapter, messages, stream: true, ...greedy })) {
  streamed += part.choices[0]?.delta?.content ?? "";
}
assert.equal(streamed, chat.choices[0].message.content);

const embeddings = await client.embeddings.create({ model: adapter, input: ["w3 w5", "w4"] });
const numbers = await client.embeddings.create({ model: adapter, input: ["w3 w5"], encoding_format: "float" });
assert.deepEqual(embeddings.data[0].embedding, numbers.data[0].embedding);

await assert.rejects(client.completions.create({ model: "no-such-model", prompt: "w3" }), OpenAI.NotFoundError);
await assert.rejects(client.completions.create({ model: base, prompt: "w3", temperature: -1 }), OpenAI.BadRequestError);

// A client that goes away in the middle of an answer leaves the server able to answer the next one.
const stream = await client.completions.create({ model: base, prompt: "w3", stream: true, ...greedy });
for await (const _ of stream) break;
stream.controller.abort();
await client.completions.create({ model: base, prompt: "w3", ...greedy });
console.log("models, completions, chats, streams, embeddings, errors and a cancelled stream are as the client expects");
