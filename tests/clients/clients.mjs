// The official clients, streaming through redcard. Reads a plan (JSON) from standard input and prints one JSON object
// for each case: what the client's user would have seen. Judging is left to tests/clients/run.
import { createRequire } from "node:module";
import path from "node:path";

// argv[2]: the folder whose node_modules has the clients.
const require = createRequire(path.join(path.resolve(process.argv[2]), "here.js"));
const OpenAI = require("openai").default;
const Anthropic = require("@anthropic-ai/sdk").default;

const options = (base, name) => ({
	apiKey: "test",
	baseURL: base,
	maxRetries: 2,
	timeout: 8000,
	defaultHeaders: { "x-replay": name },
});

async function chat(base, name, out) {
	const client = new OpenAI(options(base + "/v1", name));
	const stream = await client.chat.completions.create({
		model: "m", stream: true, messages: [{ role: "user", content: "x" }] });
	for await (const chunk of stream) {
		for (const choice of chunk.choices ?? []) {
			out.text += choice.delta?.content ?? "";
			for (const call of choice.delta?.tool_calls ?? [])
				out.arguments += call.function?.arguments ?? "";
			if (choice.finish_reason)
				out.ended = choice.finish_reason;
		}
	}
}

async function responses(base, name, out) {
	const client = new OpenAI(options(base + "/v1", name));
	const stream = await client.responses.create({ model: "m", stream: true, input: "x" });
	for await (const event of stream) {
		if (event.type === "response.output_text.delta")
			out.text += event.delta;
		if (event.type === "response.function_call_arguments.delta")
			out.arguments += event.delta;
		if (event.type === "response.completed")
			out.ended = "completed";
		if (event.type === "response.incomplete")
			out.ended = event.type + ": " + event.response.incomplete_details?.reason;
		if (event.type === "response.failed" || event.type === "error")
			out.ended = event.type + ": " + (event.response?.error?.message ?? event.message);
	}
}

async function messages(base, name, out) {
	const client = new Anthropic(options(base, name));
	const stream = client.messages.stream({ model: "m", max_tokens: 9, messages: [{ role: "user", content: "x" }] });
	stream.on("text", (text) => { out.text += text; });
	stream.on("inputJson", (part) => { out.arguments += part; });
	out.ended = (await stream.finalMessage()).stop_reason;
}

async function whole(base, name, out) {
	const client = new OpenAI(options(base + "/v1", name));
	const answer = await client.chat.completions.create({ model: "m", messages: [{ role: "user", content: "x" }] });
	out.text = answer.choices[0].message.content;
	out.ended = answer.choices[0].finish_reason;
}

const use = { chat, responses, messages, whole };

async function run(plan) {
	const out = { id: plan.id, text: "", arguments: "", ended: null, error: null, status: null, message: null };
	const begun = Date.now();
	let timer;
	const bound = new Promise((_, fail) => { timer = setTimeout(() => fail(new Error("HANG")), 12000); });
	try {
		await Promise.race([use[plan.api](plan.base, plan.name, out), bound]);
	} catch (e) {
		out.error = e.constructor.name;
		out.status = e.status ?? null;
		out.message = String(e.message).slice(0, 400);
	}
	clearTimeout(timer);
	out.ms = Date.now() - begun;
	return out;
}

let input = "";
for await (const part of process.stdin)
	input += part;
const plans = JSON.parse(input);
const lanes = Array.from({ length: 8 }, async () => {
	for (let plan; (plan = plans.shift());)
		process.stdout.write(JSON.stringify(await run(plan)) + "\n");
});
await Promise.all(lanes);
process.exit(0);
