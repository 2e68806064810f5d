"""What the Python client of OpenAI gets from EcoLink: prints one JSON document."""

import io
import json
import sys

from openai import APIStatusError, OpenAI

models = json.loads(sys.argv[1])
client = OpenAI(max_retries=0)
messages = [{"role": "user", "content": "one two three"}]

chat = client.chat.completions.create(model=models["chat"], messages=messages)
stream = client.chat.completions.create(model=models["chat"], messages=messages, stream=True)
vectors = client.embeddings.create(model=models["embedding"], input=["a cat", "a kitten"])
image = client.images.generate(model=models["image"], prompt="a cat", size="256x256", response_format="b64_json")
speech = client.audio.speech.create(
    model=models["speech"], voice="af_bella", input="one two three", response_format="wav"
)
sound = io.BytesIO(speech.content)
sound.name = "speech.wav"
heard = client.audio.transcriptions.create(
    model=models["transcription"], file=sound, response_format="verbose_json"
)
try:
    client.embeddings.create(model=models["chat"], input="x")
    refusal = None
except APIStatusError as error:
    refusal = [error.status_code, error.code, error.param]

print(
    json.dumps(
        {
            "chat": chat.choices[0].message.content,
            "stream": "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices),
            "vectors": [len(each.embedding) for each in vectors.data],
            "image": image.data[0].b64_json[:8],
            "speech": speech.content[:4].decode("latin1"),
            "heard": bool(heard.text) and float(heard.duration) > 0,
            "refusal": refusal,
        }
    )
)
