"""The lines that the program's sources can log, read from the sources: for holding the docs to them."""

import re

LEVELS = "trace|debug|info|notice|warning|error|critical"
CALL = re.compile(rf'(?:[lL]ogger|Logger\(label: "[\w-]+"\))\.(?P<level>{LEVELS})\(')
REPEATED = re.compile(r'RepeatedWarning\("(?P<message>[^"]+)"')
WARN = re.compile(r"\w+\.warn\(\s*of:")
TEXT = re.compile(r'"""\n(?P<long>.*?)"""|"(?P<short>(?:[^"\\]|\\.)*)"', re.S)
EVENT = re.compile(r'LogEvent\(\s*level: \.(?P<level>\w+), message: "(?P<message>[^"]+)"')
FIELD = re.compile(r'"(\w+)":')
ELSEWHERE = re.compile(r'(?:metadata(?:: )?|metadataKey: |Metadata = )\[?"(\w+)"[\]:]')
NUMBER = re.compile(r'"(\w+)": \.stringConvertible\(')


def arguments(text, start):
    """What stands in the parentheses that open there."""
    depth = 0
    for end in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[end], 0)
        if depth == 0:
            return text[start + 1:end]
    raise ValueError("no closing parenthesis")


def statements(root):
    """Messages as {message: level}, the names of all fields, and those of the numbers among them."""
    messages, fields, numbers = {}, set(), set()
    for path in sorted((root / "Sources").glob("**/*.swift")):
        text = path.read_text()
        for call in CALL.finditer(text):
            given = arguments(text, call.end() - 1)
            fields.update(FIELD.findall(given))
            if given.lstrip().startswith('"'):
                message = TEXT.match(given.lstrip())
                words = message["short"] or " ".join(message["long"].replace("\\\n", "").split())
                assert "\\(" not in words, f"{path.name}: a message is the same each time, what differs is a field: {words}"
                messages[words] = call["level"]
            else:
                # Another function's message.
                assert given.startswith("message"), f"{path.name}: {given}"
        for repeated in REPEATED.finditer(text):
            messages[repeated["message"]] = "warning"
        for event in EVENT.finditer(text):
            messages[event["message"]] = event["level"]
        for warning in WARN.finditer(text):
            fields.update(FIELD.findall(arguments(text, text.index("(", warning.start()))))
        fields.update(ELSEWHERE.findall(text))
        numbers.update(NUMBER.findall(text))
    return messages, fields, numbers
