#!/usr/bin/env bash
# A walk through the whole contract with curl, against `make run`:
#   docs/walk.sh [URL]          prints what docs/walk.md holds
set -euo pipefail

url=${1:-http://127.0.0.1:8000}
day=$(date --utc --date='+7 days' +%F)
head=$(mktemp)
body=$(mktemp)
trap 'rm -f "$head" "$body"' EXIT

say() { printf '\n## %s\n\n' "$1"; }

# As `curl URL/path …`, shown with its answer: the status, the headers of the contract, the body.
call() {
    local method=$1 path=$2 shown="curl -X $1 \"\$url$2\"" argument
    shift 2
    for argument in "$@"; do
        case $argument in
            -*) shown+=" \\"$'\n'"  $argument" ;;
            *) shown+=" '$argument'" ;;
        esac
    done
    : >"$body"
    curl --silent --show-error --dump-header "$head" --output "$body" -X "$method" "$url$path" "$@"
    printf '```console\n$ %s\n' "$shown"
    tr -d '\r' <"$head" | grep -iE '^(HTTP/|Location|ETag|Link|Retry-After|Idempotency-Replayed|WWW-Authenticate)' || true
    if [ -s "$body" ]; then cat "$body"; printf '\n'; fi
    printf '```\n'
}

# A member of the last answer: `member appointmentId 2` is the second of that name.
member() { grep -o "\"$1\":\"[^\"]*\"" "$body" | sed -n "${2:-1}p" | cut -d'"' -f4; }

provider=(-H 'Authorization: Bearer provider:1234')
alice=(-H 'Authorization: Bearer client:alice')
bob=(-H 'Authorization: Bearer client:bob')
json=(-H 'Content-Type: application/json')

printf '# A walk through the contract\n\nThe output of `docs/walk.sh` against `make run`, as it came.\n'

say 'The provider publishes two hours, cut into slots of 30 minutes'
call POST /appointments "${provider[@]}" "${json[@]}" \
    -d "{\"providerId\": \"1234\", \"slots\": [{\"startTime\": \"${day}T09:00:00Z\", \"endTime\": \"${day}T11:00:00Z\"}], \"slotMinutes\": 30}"
first=$(member appointmentId 1)
second=$(member appointmentId 2)
third=$(member appointmentId 3)

say 'What overlaps is refused whole'
call POST /appointments "${provider[@]}" "${json[@]}" \
    -d "{\"providerId\": \"1234\", \"slots\": [{\"startTime\": \"${day}T10:45:00Z\", \"endTime\": \"${day}T11:15:00Z\"}]}"

say 'A client lists what can be reserved, a page at a time'
call GET '/appointments/1234' "${alice[@]}"
call GET '/appointments/1234?limit=2' "${alice[@]}"
cursor=$(member nextCursor)
tag=$(tr -d '\r' <"$head" | sed -n 's/^ETag: //Ip')
call GET "/appointments/1234?limit=2&cursor=$cursor" "${alice[@]}"

say 'Nothing has changed: the page need not be sent again'
call GET '/appointments/1234?limit=2' "${alice[@]}" -H "If-None-Match: $tag"

say 'She reserves, under a key'
call POST "/appointments/$first/reservations" "${alice[@]}" -H "Idempotency-Key: walk-$first"
reservation=$(member reservationId)
tag=$(tr -d '\r' <"$head" | sed -n 's/^ETag: //Ip')

say 'The answer was lost: the same request again takes nothing more'
call POST "/appointments/$first/reservations" "${alice[@]}" -H "Idempotency-Key: walk-$first"

say 'Nobody else gets the slot'
call POST "/appointments/$first/reservations" "${bob[@]}"

say 'Nor does anybody see the reservation'
call GET "/reservations/$reservation" "${bob[@]}"

say 'She confirms what she has seen'
call PUT "/reservations/$reservation/confirm" "${alice[@]}" -H "If-Match: $tag"

say 'The provider moves another slot: not without saying which version'
call PATCH "/providers/1234/appointments/$second" "${provider[@]}" "${json[@]}" -d "{\"endTime\": \"${day}T09:50:00Z\"}"
call PATCH "/providers/1234/appointments/$second" "${provider[@]}" "${json[@]}" -H 'If-Match: "1"' -d "{\"endTime\": \"${day}T09:50:00Z\"}"

say 'Who has read the version before must read again'
call PATCH "/providers/1234/appointments/$second" "${provider[@]}" "${json[@]}" -H 'If-Match: "1"' -d "{\"endTime\": \"${day}T09:40:00Z\"}"

say 'A move may not overlap either'
call PATCH "/providers/1234/appointments/$second" "${provider[@]}" "${json[@]}" -H 'If-Match: "2"' -d "{\"endTime\": \"${day}T10:10:00Z\"}"

say 'A new start makes it another appointment'
call PATCH "/providers/1234/appointments/$second" "${provider[@]}" "${json[@]}" -H 'If-Match: "2"' \
    -d "{\"startTime\": \"${day}T12:00:00Z\", \"endTime\": \"${day}T12:30:00Z\"}"

say 'A free slot is deleted, a booked one is not'
call DELETE "/providers/1234/appointments/$third" "${provider[@]}" -H 'If-Match: "1"'
call DELETE "/providers/1234/appointments/$first" "${provider[@]}" -H 'If-Match: *'

say 'The provider sees the whole calendar, and who comes'
call GET '/providers/1234/appointments?limit=10' "${provider[@]}"

say 'She gives the appointment back, and it is free at once'
call DELETE "/reservations/$reservation" "${alice[@]}"
call POST "/appointments/$first/reservations" "${bob[@]}"

say 'Her reservations, live and ended'
call GET '/reservations?limit=10' "${alice[@]}"

say 'Nobody is let in without a token'
call GET '/reservations?limit=10'

say 'Every problem has a page'
call GET /problems/slot-overlap
