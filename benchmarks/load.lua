-- Script for wrk: sends one request again and again, with its markers (see wire.py) replaced by new values.
--   wrk ... -s load.lua URL -- TEMPLATE IDS FIRST KEYS

local parts, ids, number, keys = {}, {}, 0, 1

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

function init(args)
  for id in read(args[2]):gmatch("%S+") do ids[#ids + 1] = id end
  number, keys = tonumber(args[3]), tonumber(args[4])
  local text, from = read(args[1]), 1
  while true do
    local at = text:find("@", from, true)
    if not at then break end
    parts[#parts + 1] = text:sub(from, at - 1)
    if text:sub(at, at + 1) == "@K" then
      parts[#parts + 1], from = 1, at + 2
    elseif text:sub(at, at + 9) == "@@NUMBER@@" then
      parts[#parts + 1], from = 2, at + 10
    elseif text:sub(at, at + 6) == "@@RUN@@" then
      parts[#parts + 1], from = 3, at + 32
    else
      parts[#parts], from = parts[#parts] .. "@", at + 1
    end
  end
  parts[#parts + 1] = text:sub(from)
end

function request()
  local turn = #ids > 0 and #ids or 1
  local filled = {
    string.format("%02d", math.floor(number / turn) % keys),
    string.format("%d", number),
    ids[number % turn + 1] or "",
  }
  number = number + 1
  local out = {}
  for i = 1, #parts do
    local part = parts[i]
    out[i] = type(part) == "number" and filled[part] or part
  end
  return table.concat(out)
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format("RESULT %d %d %d %d %d %d\n",
    summary.requests, errors.status, errors.connect + errors.read + errors.write + errors.timeout,
    summary.duration, latency:percentile(50), latency:percentile(99)))
end
