#!/usr/bin/env ruby
# Follows orders, puts an invoice for each, and acknowledges an order once its invoice is written.
#
#     STREAM=orders CONSUMER_GROUP=billing ruby invoices.rb
#
# Ruby 2.7 or later, and nothing else.

require "erb"
require "json"
require "net/http"
require "uri"

STREAMS = ENV.fetch("KINESIS_SIDECAR_URL", "http://localhost:8700") + "/streams/"
ORDERS = STREAMS + ERB::Util.url_encode(ENV.fetch("STREAM", "orders"))
GROUP = { consumerGroup: ENV.fetch("CONSUMER_GROUP", "billing") }
OPTIONS = {
  **GROUP,
  useAutoCheckpoints: false, # what is not acknowledged comes again
  initialPositionInStream: "TRIM_HORIZON",
  heartbeatInterval: 1000 # an empty line each second: SIGTERM need not wait for a record
}

class Passing < StandardError; end
class Refusal < StandardError; end

def expect_success(response)
  return if response.code == "200"
  # 207: some of the records were not written. 409, 429 and 5xx pass, other refusals do not.
  raise(response.code.match?(/\A4/) && !%w[409 429].include?(response.code) ? Refusal : Passing, response.body)
end

def connect(url)
  uri = URI(url)
  # Ruby sends a GET again that fails in the middle, and would mix what both brought.
  Net::HTTP.start(uri.host, uri.port, use_ssl: uri.scheme == "https", max_retries: 0) { |http| yield http, uri }
end

def follow
  connect("#{ORDERS}/records?#{URI.encode_www_form(OPTIONS)}") do |http, uri|
    http.request_get(uri, "Accept" => "application/x-ndjson") do |response|
      expect_success(response)
      rest = +""
      response.read_body do |part|
        rest << part
        while (line = rest.slice!(/.*\n/))
          yield line.strip.empty? ? {} : JSON.parse(line) # an empty one is a sign of life
        end
      end
    end
  end
end

def post(url, body)
  connect(url) { |http, uri| expect_success(http.post(uri, body.to_json, "Content-Type" => "application/json")) }
end

def work(event)
  invoices = event["records"].map do |record|
    order = record["data"]
    { order: order["order"], customer: order["customer"], total: order["quantity"] * order["price"] }
  end
  post("#{STREAMS}invoices/put", { records: invoices.map { |one| { data: one, partitionKey: one[:customer] } } })
  post("#{ORDERS}/checkpoints?#{URI.encode_www_form(GROUP)}", { id: event["id"] })
  puts "#{invoices.size} invoices"
end

$stdout.sync = true
stopping = false
trap("TERM") { stopping = true }

delay = 1
until stopping
  begin
    follow do |event|
      delay = 1
      break if stopping
      work(event) if event["event"] == "records"
      warn event if event["event"] == "problem"
    end
  rescue Passing, SystemCallError, SocketError, IOError, Timeout::Error, Net::HTTPBadResponse => error
    warn error.message
  end
  sleep(delay) unless stopping
  delay = [2 * delay, 8].min
end
