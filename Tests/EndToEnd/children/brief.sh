# A record processor that goes after its first batch, without a checkpoint: so the same batch comes again at once.
read -r line
echo '{"action": "status", "responseFor": "initialize"}'
read -r line
echo '{"action": "status", "responseFor": "processRecords"}'
