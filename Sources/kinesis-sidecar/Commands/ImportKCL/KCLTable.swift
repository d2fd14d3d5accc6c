import AWS
import Client
import DynamoDB
import JSON
import KCL
import Kinesis
import Time

/// The lease table of an application of the KCL, which is only read. Confined to its loop.
struct KCLTable {
    let name: TableName
    let region: Region
    let client: DynamoDBClient
    let retry: RetryPolicy

    /// The stream's leases, as every write that was answered has left them.
    func leases(of stream: StreamName, createdOn: WallTime) async throws(ClientError) -> LeaseTable {
        let rows: [Item]
        do throws(AWSError) {
            rows = try await client.scan(name, isConsistent: true, retry: Retrying(retry))
        } catch { throw .failed(text(error)) }
        do throws(LeaseTable.Fault) {
            return try LeaseTable(rows, of: stream, createdOn: createdOn)
        } catch { throw .failed(text(error, stream)) }
    }

    private func text(_ error: AWSError) -> String {
        switch error.disposition {
        case .notFound:
            "there is no table \(name) in \(region.name): a KCL application's table has the application's name, unless its "
                + "tableName says another; --region or dynamoDb.region names the region"
        case .denied:
            "the table \(name) in \(region.name) may not be read; the right is dynamodb:Scan (deploy/iam/import-kcl.json): "
                + "\(error)"
        default: "the table \(name) in \(region.name) cannot be read: \(error)"
        }
    }

    /// With its type, as DynamoDB's console shows it: that may be what is wrong.
    private func text(_ value: AttributeValue) -> String {
        var json = JSONWriter()
        json.attribute(value)
        return json.buffer.text
    }

    private func text(_ fault: LeaseTable.Fault, _ stream: StreamName) -> String {
        switch fault {
        case .unreadable(let fault):
            "the row \"\(fault.row)\" of the table \(name) is a lease whose \(fault.attribute) is "
                + "\(fault.value.map { "\(text($0)), which no KCL writes" } ?? "missing")"
        case .noLeases(let rows):
            "the table \(name) has no leases (rows with a leaseCounter) among its \(rows) rows: is it a KCL's lease table?"
        case .otherStreams(let streams):
            "the application reads \(streams.joined(separator: ", ")), and not \(stream)"
        case .severalStreams(let streams):
            "the application has leases of \(streams.joined(separator: ", ")), and \(stream) was made at another time than "
                + "each of them"
        }
    }
}
