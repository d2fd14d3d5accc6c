// Follows orders, puts an invoice for each, and acknowledges an order once its invoice is written.
//
//     STREAM=orders CONSUMER_GROUP=billing dotnet run
//
// .NET 8 or later, and nothing else.

using System.Net;
using System.Net.Http.Json;
using System.Runtime.InteropServices;
using System.Text.Json;

var streams = Setting("KINESIS_SIDECAR_URL", "http://localhost:8700") + "/streams/";
var orders = streams + Uri.EscapeDataString(Setting("STREAM", "orders"));
var group = "consumerGroup=" + Uri.EscapeDataString(Setting("CONSUMER_GROUP", "billing"));
// What is not acknowledged comes again.
var options = group + "&useAutoCheckpoints=false&initialPositionInStream=TRIM_HORIZON";

// A process of this machine is behind no proxy. The time-out is one of heads alone: a reading lasts.
using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { Timeout = TimeSpan.FromMinutes(1) };

// Ends the reading and the waiting, never the work on an event.
using var stopping = new CancellationTokenSource();
using var onTerminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context =>
{
    context.Cancel = true;
    stopping.Cancel();
});

var shortest = TimeSpan.FromSeconds(1);
var longest = TimeSpan.FromSeconds(8);
var delay = shortest;
while (!stopping.IsCancellationRequested)
{
    try
    {
        await foreach (var one in Follow())
        {
            delay = shortest;
            if (stopping.IsCancellationRequested) break;
            switch (one.GetProperty("event").GetString())
            {
                case "records": await Work(one); break;
                case "problem": Console.Error.WriteLine(one); break;
            }
        }
    }
    catch (Exception) when (stopping.IsCancellationRequested)
    {
        break;
    }
    catch (Exception error) when (error is HttpRequestException or IOException or OperationCanceledException)
    {
        Console.Error.WriteLine(error.Message);
    }
    try
    {
        await Task.Delay(delay, stopping.Token);
    }
    catch (OperationCanceledException)
    {
    }
    delay = delay * 2 < longest ? delay * 2 : longest;
}

static string Setting(string name, string otherwise) => Environment.GetEnvironmentVariable(name) ?? otherwise;

static async Task ExpectSuccess(HttpResponseMessage response)
{
    if (response.StatusCode == HttpStatusCode.OK) return;
    var body = await response.Content.ReadAsStringAsync();
    // 207: some of the records were not written. 409, 429 and 5xx pass, other refusals do not.
    var status = (int)response.StatusCode;
    if (status is >= 400 and < 500 and not (409 or 429)) throw new InvalidOperationException(body);
    throw new HttpRequestException(body);
}

async IAsyncEnumerable<JsonElement> Follow()
{
    using var request = new HttpRequestMessage(HttpMethod.Get, $"{orders}/records?{options}");
    request.Headers.Add("Accept", "application/x-ndjson");
    using var response =
        await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, stopping.Token);
    await ExpectSuccess(response);
    using var lines = new StreamReader(await response.Content.ReadAsStreamAsync(stopping.Token));
    while (await lines.ReadLineAsync(stopping.Token) is { } line)
    {
        if (line.Length > 0) yield return JsonSerializer.Deserialize<JsonElement>(line); // else a sign of life
    }
}

async Task Post(string url, object body)
{
    using var response = await client.PostAsJsonAsync(url, body);
    await ExpectSuccess(response);
}

async Task Work(JsonElement one)
{
    var records = one.GetProperty("records").EnumerateArray()
        .Select(record => record.GetProperty("data"))
        .Select(order => new
        {
            order = order.GetProperty("order").GetInt64(),
            customer = order.GetProperty("customer").GetString(),
            total = order.GetProperty("quantity").GetInt64() * order.GetProperty("price").GetInt64(),
        })
        .Select(invoice => new { data = invoice, partitionKey = invoice.customer })
        .ToList();
    await Post(streams + "invoices/put", new { records });
    await Post($"{orders}/checkpoints?{group}", new { id = one.GetProperty("id").GetString() });
    Console.WriteLine($"{records.Count} invoices");
}
