#!/usr/bin/env bash
# The Responses API with nothing but curl: a text, a second turn, a stream, a tool call and its output, an answer in JSON.
set -euo pipefail

URL="${GATEWAY_URL:-http://127.0.0.1:8080/v1}"
MODEL="${MODEL:-demo}"
KEY="${OPENAI_API_KEY:-any}"

ask() {
  curl --silent --show-error --fail-with-body --no-buffer "$URL/responses" \
    -H "content-type: application/json" -H "authorization: Bearer $KEY" -d "$1"
  echo
}

echo "--- a text"
ask '{"model": "'"$MODEL"'", "input": "Hello!"}'

echo "--- a second turn"
FIRST=$(ask '{"model": "'"$MODEL"'", "input": "My name is Ada."}' | grep -o 'resp_[0-9a-f]*' | head -n 1)
ask '{"model": "'"$MODEL"'", "input": "What is my name?", "previous_response_id": "'"$FIRST"'"}'

echo "--- a stream of events"
ask '{"model": "'"$MODEL"'", "input": "Hello!", "stream": true}'

WEATHER='{"type": "function", "name": "get_weather", "description": "The weather in a city.", "parameters":
  {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": false}}'

echo "--- a tool is called"
ask '{"model": "'"$MODEL"'", "tools": ['"$WEATHER"'], "input": "What is the weather in Paris?"}'

echo "--- and its output is sent back, after the call"
ask '{"model": "'"$MODEL"'", "tools": ['"$WEATHER"'], "input": [
  {"role": "user", "content": "What is the weather in Paris?"},
  {"type": "function_call", "call_id": "call_1", "name": "get_weather", "arguments": "{\"city\": \"Paris\"}"},
  {"type": "function_call_output", "call_id": "call_1", "output": "sunny, 21 degrees"}]}'

echo "--- an answer that obeys a JSON schema"
ask '{"model": "'"$MODEL"'", "input": "Plan a weekend in Paris.", "text": {"format": {"type": "json_schema", "name": "trip", "strict": true,
  "schema": {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city", "days"], "additionalProperties": false}}}}'
