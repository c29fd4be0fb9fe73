-- What the prompt adds to Lua for who types at it: short names for the usual, values shown, names completed.
-- It runs once, when the prompt begins, and returns the functions that ned's Rust side calls.

local L4, read = ...

-- Names without quotes --------------------------------------------------------------------------

_G.L4 = L4

local in_rom = function(command)
  if type(command) ~= "string" then
    error('a program is named by a text, as in start "hello"', 0)
  end
  return command:find("^%s*[^%s]*/") and command or "rom/" .. command
end

-- Starts a program by its name in rom/, or its path, with its arguments; `env` is what it gets.
function start(command, env)
  return L4.default_loader:start(env or {}, in_rom(command))
end

-- Starts a program and waits for its end; returns its exit code.
function run(command, env)
  return start(command, env):wait()
end

-- Lists the programs that run.
function ps()
  local numbers, tasks = {}, L4.tasks()
  for number in pairs(tasks) do
    numbers[#numbers + 1] = number
  end
  table.sort(numbers)
  for _, number in ipairs(numbers) do
    print(("%5d  %s"):format(number, tasks[number]:name()))
  end
  print(#numbers == 0 and "no program runs" or ("%d running; kill(number) stops one"):format(#numbers))
end

-- Stops the program with this number.
function kill(number)
  local task = L4.tasks()[number]
  if task == nil then
    error(("no program %s runs; ps() lists those that do"):format(tostring(number)), 2)
  end
  return task:kill()
end

local is_over = false

-- Ends the prompt.
function exit()
  is_over = true
end

-- Switches the machine off.
function shutdown()
  L4.Env.icu:shutdown()
end

function help()
  print [[
start "hello"            start a program of rom/ and go on; returns its task
run "client Furore"      start a program and wait for its end; returns its exit code
ps()  kill(3)            list the programs that run; stop one of them
t = start "ackermann"    t:wait() waits, t:kill() stops, t:state() and t:exit_code() tell
L4.default_loader:start({ log = { "tag", "green" } }, "rom/hello")   all that scripts can do, docs/ned.md
dofile "rom/hello.lua"   run a script
exit()                   end the prompt; programs go on
shutdown()               switch the machine off

Any line is Lua: a value is shown, an unfinished statement goes on in the next line, a local is forgotten with its line.
Tab completes names and files, twice lists them; the arrows bring back earlier lines; Ctrl-C gives up a line or stops
what runs, Ctrl-D ends the prompt, too.]]
end

-- Values shown ----------------------------------------------------------------------------------

-- How many entries of a table are shown.
local ENTRIES = 24

local function brief(value)
  return type(value) == "string" and ("%q"):format(value) or tostring(value)
end

local function by_name(a, b)
  if math.type(a) and math.type(b) then
    return a < b
  end
  return tostring(a) < tostring(b)
end

local function keys_of(value)
  local keys = {}
  for key in next, value do
    keys[#keys + 1] = key
  end
  table.sort(keys, by_name)
  return keys
end

-- How the short names are called: what somebody who types one alone wants to know.
local CALLS = {
  [start] = 'start "hello"', [run] = 'run "hello"', [ps] = "ps()", [kill] = "kill(number)", [exit] = "exit()",
  [shutdown] = "shutdown()", [help] = "help()",
}

-- A table without a metatable by its entries, anything else as print does.
local function shown(value)
  if CALLS[value] then
    return "a function: type " .. CALLS[value]
  end
  if type(value) ~= "table" or debug.getmetatable(value) then
    return brief(value)
  end
  local keys, parts = keys_of(value), {}
  for index = 1, math.min(#keys, ENTRIES) do
    local key = keys[index]
    if math.type(key) == "integer" and key == index then
      parts[index] = brief(value[key])
    elseif type(key) == "string" and key:find("^[%a_][%w_]*$") then
      parts[index] = key .. " = " .. brief(value[key])
    else
      parts[index] = "[" .. brief(key) .. "] = " .. brief(value[key])
    end
  end
  if #keys > ENTRIES then
    parts[#parts + 1] = ("... %d more"):format(#keys - ENTRIES)
  end
  return #parts == 0 and "{}" or "{ " .. table.concat(parts, ", ") .. " }"
end

-- The values of an expression as text; nothing for none.
local function describe(...)
  local values = table.pack(...)
  if values.n == 0 then
    return
  end
  for index = 1, values.n do
    values[index] = shown(values[index])
  end
  return table.concat(values, "\t")
end

-- Names completed -------------------------------------------------------------------------------

local KEYWORDS = {
  "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in", "local", "nil", "not",
  "or", "repeat", "return", "then", "true", "until", "while",
}

-- The table in which a value's fields are looked up, other than itself.
local function fields_behind(value)
  local metatable = debug.getmetatable(value)
  local behind = metatable and rawget(metatable, "__index")
  return type(behind) == "table" and behind or nil
end

-- The field of a value, without running anything of a script's.
local function field(value, name)
  for _ = 1, 10 do
    if type(value) == "table" and rawget(value, name) ~= nil then
      return rawget(value, name)
    end
    value = fields_behind(value)
    if value == nil then
      return nil
    end
  end
end

-- The string that begins in the text and does not end in it, and what stands before it; nil if there is none.
local function open_string(text)
  local quote, start
  local at = 1
  while at <= #text do
    local character = text:sub(at, at)
    if quote and character == "\\" then
      at = at + 1
    elseif character == quote then
      quote = nil
    elseif not quote and character:find("[\"']") then
      quote, start = character, at
    end
    at = at + 1
  end
  if quote then
    return text:sub(start + 1), text:sub(1, start - 1)
  end
end

-- The names of the files in a name space, as the file .dirinfo in it lists them: length, colon, name, new line.
local function files_of(directory)
  local list, names, at = read(directory .. "/.dirinfo") or "", {}, 1
  while true do
    local length, start = list:match("^(%d+):()", at)
    if length == nil then
      return names
    end
    names[#names + 1] = list:sub(start, start + length - 1)
    at = start + length + 1
  end
end

-- The files that could stand where a string ends, likewise: with their path, or of rom/ where a program is named.
local function complete_file(text, before)
  local directory, start = text:match("^%s*([^%s/]+)/([^%s/]*)$")
  start = start or text:match("^%s*([^%s/]*)$")
  local names = {}
  local function offer(name)
    if start and name:sub(1, #start) == start then
      names[#names + 1] = name
    end
  end
  if directory then
    for _, name in ipairs(files_of(directory)) do
      offer(name)
    end
  else
    for _, name in ipairs { "rom", "rwfs" } do
      if L4.Env[name] then
        offer(name .. "/")
      end
    end
    if before:find("%f[%w_]start[%s(]*$") or before:find("%f[%w_]run[%s(]*$") then
      for _, name in ipairs(files_of("rom")) do
        offer(name)
      end
    end
  end
  table.sort(names)
  return #(start or ""), table.unpack(names)
end

-- The names that could stand where the text ends: how many characters of them are there, then the names.
local function complete(text)
  local unfinished, before = open_string(text)
  if unfinished then
    return complete_file(unfinished, before)
  end
  local path = text:match("[%a_][%w_%.:]*$") or ""
  local owner, separator, start = path:match("^(.*)([%.:])([^%.:]*)$")
  local value = _G
  for name in (owner or ""):gmatch("[^%.:]+") do
    value = field(value, name)
  end
  start = start or path
  local found, names = {}, {}
  local function offer(name)
    if type(name) == "string" and name:sub(1, #start) == start and name:find("^[%a_][%w_]*$") and not found[name]
      and (start:find("^__") or not name:find("^__")) then
      found[name] = true
      names[#names + 1] = name
    end
  end
  local place = value
  for _ = 1, 10 do
    if type(place) == "table" then
      for name, entry in next, place do
        if separator ~= ":" or type(entry) == "function" then
          offer(name)
        end
      end
    end
    place = place ~= nil and fields_behind(place) or nil
  end
  if owner == nil and start ~= "" then
    for _, keyword in ipairs(KEYWORDS) do
      offer(keyword)
    end
  end
  table.sort(names)
  return #start, table.unpack(names)
end

return complete, describe, function()
  return is_over
end
