#!/usr/bin/env bash
# Follows orders, puts an invoice for each, and acknowledges an order once its invoice is written.
#
#     STREAM=orders CONSUMER_GROUP=billing ./invoices.sh
#
# bash 4.4 or later, curl and jq.
set -eu

encoded() { jq -nr --arg text "$1" '$text | @uri'; }
streams=${KINESIS_SIDECAR_URL:-http://localhost:8700}/streams
orders=$streams/$(encoded "${STREAM:-orders}")
group=consumerGroup=$(encoded "${CONSUMER_GROUP:-billing}")
# What is not acknowledged comes again.
options="$group&useAutoCheckpoints=false&initialPositionInStream=TRIM_HORIZON"

# Whether what was refused with this status, or with 207 written in part, may be taken another time.
passes() { case $1 in 207 | 409 | 429 | 5??) ;; *) return 1 ;; esac; }

post() { # post URL BODY: fails unless all of it was taken
    local answer
    answer=$(curl -sS --noproxy '*' --max-time 60 -w '\n%{http_code}' --data-binary @- "$1" <<<"$2") || return 1
    local status=${answer##*$'\n'}
    if [ "$status" = 200 ]; then return; fi
    echo "$answer" >&2
    passes "$status" || exit 1
    return 1
}

work() { # work EVENT
    local put
    put=$(jq -c '{records: [.records[].data
        | {order, customer, total: (.quantity * .price)}
        | {data: ., partitionKey: .customer}]}' <<<"$1") || exit 1
    post "$streams/invoices/put" "$put" &&
        post "$orders/checkpoints?$group" "$(jq -c '{id}' <<<"$1")" &&
        jq -r '"\(.records | length) invoices"' <<<"$1"
}

stopping='' reader=''
trap 'stopping=1; kill $reader 2>/dev/null || :' TERM
trap 'kill $reader 2>/dev/null || :' EXIT

delay=1
while [ -z "$stopping" ]; do
    exec 3< <(exec curl -sSN --noproxy '*' -H 'Accept: application/x-ndjson' "$orders/records?$options")
    reader=$!
    # The last line of a refusal has no end.
    while [ -z "$stopping" ] && { IFS= read -r line <&3 || [ -n "$line" ]; }; do
        case $(jq -r '.event // .status' <<<"$line") in
        records) work "$line" || break ;;
        problem) echo "$line" >&2 ;;
        [1-9]*)
            echo "$line" >&2
            passes "$(jq .status <<<"$line")" || exit 1
            break
            ;;
        esac
        delay=1
    done
    exec 3<&-
    kill "$reader" 2>/dev/null || :
    if [ -z "$stopping" ]; then
        sleep "$delay" &
        wait $! || : # SIGTERM ends it
        delay=$((delay < 8 ? 2 * delay : 8))
    fi
done
