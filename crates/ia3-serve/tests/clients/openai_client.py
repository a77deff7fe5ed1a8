"""Drives a running `ia3 serve` with the official client of OpenAI for Python.

    python -m pip install openai
    python openai_client.py http://127.0.0.1:8000 BASE ADAPTER [KEY]

BASE and ADAPTER are names of models of the server; the base has to have a tokenizer and a chat template.
"""

import sys

import openai


def main():
    address, base, adapter = sys.argv[1:4]
    key = sys.argv[4] if len(sys.argv) > 4 else "none"
    client = openai.OpenAI(base_url=f"{address}/v1", api_key=key, max_retries=0)

    models = {model.id: model for model in client.models.list()}
    assert models[adapter].parent == base, models
    assert client.models.retrieve(adapter).id == adapter

    greedy = {"temperature": 0, "max_tokens": 8, "extra_body": {"ignore_eos": True}}
    texts = {}
    for model in (base, adapter):
        whole = client.completions.create(model=model, prompt="w3 w5", logprobs=2, **greedy)
        assert whole.usage.completion_tokens == 8 and whole.choices[0].finish_reason == "length", whole
        assert len(whole.choices[0].logprobs.token_logprobs) == 8
        stream = client.completions.create(
            model=model, prompt="w3 w5", stream=True, stream_options={"include_usage": True}, **greedy
        )
        parts = list(stream)
        assert "".join(part.choices[0].text for part in parts if part.choices) == whole.choices[0].text
        assert parts[-1].usage == whole.usage, parts[-1]
        texts[model] = whole.choices[0].text
    assert texts[base] != texts[adapter], "the adapter does nothing"

    messages = [{"role": "system", "content": "w3"}, {"role": "user", "content": "w5"}]
    chat = client.chat.completions.create(
        model=adapter, messages=messages, n=2, logprobs=True, top_logprobs=3, **greedy
    )
    assert len(chat.choices) == 2 and chat.choices[0].message.role == "assistant", chat
    assert len(chat.choices[0].logprobs.content[0].top_logprobs) == 3
    with client.chat.completions.create(model=adapter, messages=messages, stream=True, **greedy) as stream:
        text = "".join(part.choices[0].delta.content or "" for part in stream)
    assert text == chat.choices[0].message.content

    # This client asks for base64 and decodes it.
    embeddings = client.embeddings.create(model=adapter, input=["w3 w5", "w4"])
    numbers = client.embeddings.create(model=adapter, input="w3 w5", encoding_format="float")
    assert embeddings.data[0].embedding == numbers.data[0].embedding and embeddings.data[1].index == 1
    assert embeddings.usage.prompt_tokens == 3, embeddings.usage

    def refused(kind, param, **change):
        request = {"model": base, "prompt": "w3"} | change
        try:
            client.completions.create(**request)
        except kind as error:
            assert error.param == param, error
        else:
            raise AssertionError(f"{change} was not refused")

    refused(openai.NotFoundError, "model", model="no-such-model")
    refused(openai.BadRequestError, "temperature", temperature=-1)
    refused(openai.BadRequestError, "max_tokens", max_tokens=10**9)
    refused(openai.BadRequestError, "suffix", suffix="x")
    if key != "none":
        try:
            openai.OpenAI(base_url=f"{address}/v1", api_key="wrong", max_retries=0).models.list()
        except openai.AuthenticationError:
            pass
        else:
            raise AssertionError("a wrong key was not refused")

    # A client that goes away in the middle of an answer leaves the server able to answer the next one.
    stream = client.completions.create(model=base, prompt="w3", stream=True, **greedy)
    next(iter(stream))
    stream.close()
    client.completions.create(model=base, prompt="w3", **greedy)
    print("models, completions, chats, streams, embeddings, errors and a cancelled stream are as the client expects")


main()
