-- The hook in Lua, by two signatures: a packet as numbers, and with a copy of its bytes.
local packets, bytes, dropped = 0, 0, 0

function rtp_in(sequence_number, timestamp, length)
    packets = packets + 1
    bytes = bytes + length
    if sequence_number % 100 == 99 then
        dropped = dropped + 1
        return false
    end
    return true
end

function rtp_in_bytes(sequence_number, timestamp, payload)
    return rtp_in(sequence_number, timestamp, #payload)
end

function counts()
    return packets, bytes, dropped
end
