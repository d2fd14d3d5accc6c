#!/usr/bin/env node
// Follows orders, puts an invoice for each, and acknowledges an order once its invoice is written.
//
//     STREAM=orders CONSUMER_GROUP=billing node invoices.mjs
//
// Node.js 18 or later, and nothing else.

import { setTimeout as sleep } from 'node:timers/promises'

const { KINESIS_SIDECAR_URL = 'http://localhost:8700', STREAM = 'orders', CONSUMER_GROUP = 'billing' } = process.env
const streams = `${KINESIS_SIDECAR_URL}/streams`
const orders = `${streams}/${encodeURIComponent(STREAM)}`
const group = new URLSearchParams({ consumerGroup: CONSUMER_GROUP })
const options = new URLSearchParams({
    consumerGroup: CONSUMER_GROUP,
    useAutoCheckpoints: false, // what is not acknowledged comes again
    initialPositionInStream: 'TRIM_HORIZON',
})

class Refusal extends Error {}

const ask = async (url, init) => {
    const response = await fetch(url, init)
    if (response.status === 200) return response
    const text = await response.text()
    // 207: some of the records were not written. 409, 429 and 5xx pass, other refusals do not.
    const passes = response.status < 400 || response.status >= 500 || [409, 429].includes(response.status)
    throw passes ? new Error(text) : new Refusal(text)
}

const post = async (url, body) => (await ask(url, { method: 'POST', body: JSON.stringify(body) })).text()

async function* follow(signal) {
    const response = await ask(`${orders}/records?${options}`, { headers: { Accept: 'application/x-ndjson' }, signal })
    let rest = ''
    for await (const part of response.body.pipeThrough(new TextDecoderStream())) {
        const lines = (rest + part).split('\n')
        rest = lines.pop()
        for (const line of lines) if (line) yield JSON.parse(line) // an empty one is a sign of life
    }
}

const invoice = ({ order, customer, quantity, price }) => {
    if (!Number.isFinite(quantity * price)) throw new Refusal(`order ${order} has no quantity or no price`)
    return { order, customer, total: quantity * price }
}

const work = async event => {
    const invoices = event.records.map(record => invoice(record.data))
    await post(`${streams}/invoices/put`, { records: invoices.map(data => ({ data, partitionKey: data.customer })) })
    await post(`${orders}/checkpoints?${group}`, { id: event.id })
    console.log(`${invoices.length} invoices`)
}

// Ends the reading and the waiting, never the work on an event.
const stop = new AbortController()
process.once('SIGTERM', () => stop.abort())

let delay = 1000
while (!stop.signal.aborted) {
    try {
        for await (const event of follow(stop.signal)) {
            delay = 1000
            if (stop.signal.aborted) break
            if (event.event === 'records') await work(event)
            if (event.event === 'problem') console.error(event)
        }
    } catch (error) {
        if (stop.signal.aborted) break
        if (error instanceof Refusal) throw error
        console.error(error)
    }
    await sleep(delay, null, { signal: stop.signal }).catch(() => {})
    delay = Math.min(2 * delay, 8000)
}
