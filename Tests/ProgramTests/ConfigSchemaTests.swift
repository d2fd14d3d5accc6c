import Consumer
import JSON
import Testing

@testable import kinesis_sidecar

/// That it takes what the program takes is tried with a validator of others: EndToEnd/test_config_schema.py.
@Suite struct ConfigSchemaTests {
    private let schema = ConfigSchema.value

    @Test func `every option of the tables has its place`() {
        for name in OptionName.all + ConfigFileSettings.EntryList.allCases.map(\.rawValue) {
            #expect(place(name)?["description"]?.string?.isEmpty == false, "\(name)")
        }
        for name in ConsumerOption.all.map(\.name) + StreamKey.allCases.map(\.rawValue) {
            #expect(place(name, in: place("consumers")?["items"]) != nil, "\(name)")
        }
    }

    @Test func `no mapping takes a key that is no option`() {
        for mapping in ["", "tls", "dynamoDb.credentials", "retryOptions", "s3"] {
            let schema = mapping.isEmpty ? schema : place(mapping)
            #expect(schema?["additionalProperties"] == false, "\(mapping)")
        }
        #expect(place("tokens")?["items"]?["additionalProperties"] == false)
    }

    @Test func `times and sizes say their ranges and units`() {
        let time = place("putTimeout")
        #expect(time?["anyOf"]?[0] == ["type": "integer", "minimum": 1, "maximum": 2_147_483_647])
        #expect(time?["anyOf"]?[1]?["pattern"] == "^[0-9]+((\\.[0-9]+)?(ms|s|m|h|d))?$")
        #expect(time?["default"] == 30_000)
        #expect(place("maxPutBytes")?["anyOf"]?[1]?["pattern"]?.string?.contains("KiB|MiB|GiB") == true)
    }

    @Test func `each reference leads to a schema`() {
        var references = 0
        func walk(_ value: JSONValue) {
            if let reference = value["$ref"]?.string {
                references += 1
                var target: JSONValue? = schema
                for part in reference.split(separator: "/").dropFirst() { target = target?[String(part)] }
                #expect(target != nil, "\(reference)")
            }
            for member in value.object ?? [] { walk(member.value) }
            for element in value.array ?? [] { walk(element) }
        }
        walk(schema)
        #expect(references > 20)
    }

    @Test func `no secret stands in it`() {
        #expect(place("credentials.secretAccessKey")?["default"] == nil)
    }

    private func place(_ name: String, in start: JSONValue? = nil) -> JSONValue? {
        name.split(separator: ".").reduce(start ?? schema) { $0?["properties"]?[String($1)] }
    }
}
