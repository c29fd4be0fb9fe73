-- The part of the package L4 that is written in Lua: loaders, name spaces from tables, CPU sets. It runs
-- once, before any script. `native` holds what ned's Rust side offers this file only: `start` starts a
-- program, `fail` raises an error that names the script's line, `capability` is the table of methods
-- that every capability has.

local L4, native = ...
local fail, methods = native.fail, native.capability
local Env, Proto, Rights = L4.Env, L4.Proto, L4.Rights

Env.user_factory = Env.mem_alloc

-- Checks an argument. `name` is how messages call it.
local function check(value, wanted, name)
  if type(value) ~= wanted then
    fail(("%s: a %s is wanted, this is a %s value"):format(name, wanted, type(value)))
  end
  return value
end

-- Functions stand for values that are asked for when they are needed.
local function resolved(value, ...)
  while type(value) == "function" do
    value = value(...)
  end
  return value
end

-- Whether a value is a table of entries, not an object.
local function is_plain_table(value)
  return type(value) == "table" and getmetatable(value) == nil
end

local function copy(table)
  local result = {}
  for key, value in pairs(table) do
    result[key] = value
  end
  return result
end

-- Classes ----------------------------------------------------------------------------------------

L4.Class = {}

-- Raises an error unless `object` is one of `class`.
function L4.Class.check(object, class)
  if type(object) ~= "table" or getmetatable(object) ~= class then
    fail("this method was called without its object: call it with a colon, as in loader:start(...)")
  end
end

local check_class = L4.Class.check

-- The name of a C++ class as compilers write it; L4Re's scripts name types so.
function L4.mangle_class(name)
  local mangled = "N"
  for part in name:gmatch("[^:%s]+") do
    mangled = mangled .. #part .. part
  end
  return mangled .. "E"
end

-- The methods of a kind of capability. Here all capabilities have the same methods; which of them an
-- object understands, it says itself when it is called.
function L4.get_cap_class(kind)
  return methods
end

-- The same capability, known as another kind of object: a number of L4.Proto or a class name.
function L4.cast(kind, capability)
  return resolved(capability):__cast(kind)
end

-- Name spaces ------------------------------------------------------------------------------------

-- The capability that a path such as "rom/hello" leads to, from Env on.
local function follow(path)
  local value = Env
  for name in path:gmatch("[^/]+") do
    if value == Env then
      value = Env[name]
    elseif value ~= nil then
      value = value:query(name)()
    end
  end
  return value ~= Env and value or fail(("there is no '%s'"):format(path))
end

-- A function that looks the name up when the capability is needed; it gives nil where there is none.
function methods:query(name, rights)
  check(name, "string", "query")
  return function()
    return self:__query(name, rights or Rights.ro)
  end
end
methods.q = methods.query

-- Enters a capability, a path from Env on, a function that gives one, or nil, which takes the entry
-- out. A table becomes a name space by `make_namespace`.
function methods:register(name, value, make_namespace)
  check(name, "string", "register")
  if type(value) == "string" then
    value = follow(value)
  end
  value = resolved(value, self, name)
  if is_plain_table(value) then
    value = check(make_namespace, "function", "register")(value)
  end
  self:__register(name, value)
end
methods.r = methods.register

-- Loaders ----------------------------------------------------------------------------------------

-- What starts programs and makes what they need:
--   mem        memory of the programs, and where the following come from unless they are given
--   log_fab, ns_fab, rm_fab, sched_fab   factories of logs, name spaces, region maps, schedulers
--   factory    factory of kernel objects
--   scheduler, dbg_events, default_caps  given to programs that are not given others
local Loader = {}
Loader.__index = Loader
L4.Loader = Loader

function Loader.new(loader)
  loader = loader or {}
  local maker = loader.loader or loader.mem
  for _, name in ipairs { "log_fab", "ns_fab", "rm_fab", "sched_fab" } do
    loader[name] = loader[name] or maker
  end
  loader.factory = loader.factory or Env.factory
  return setmetatable(loader, Loader)
end

-- A new gate between a server and its clients: `channel:svr()` is the server's end.
function Loader:new_channel()
  check_class(self, Loader)
  return self.factory:create(Proto.Ipc_gate)
end

-- A name space with the entries of `entries`; anything but a plain table is returned as it is.
function Loader:create_namespace(entries, factory)
  check_class(self, Loader)
  if not is_plain_table(entries) then
    return entries
  end
  factory = factory or self.ns_fab
  local namespace = factory:create(Proto.Namespace)
  self:fill_namespace(namespace, entries, factory)
  return namespace
end

function Loader:fill_namespace(namespace, entries, factory)
  check_class(self, Loader)
  for name, value in pairs(entries) do
    namespace:register(name, value, function(inner)
      return self:create_namespace(inner, factory)
    end)
  end
end

-- A scheduler for a program: { cpus = L4.Cpu_set, prio_offset = lowest, prio_limit = highest, fab = factory }.
function Loader:create_sched_proxy(limits)
  check_class(self, Loader)
  limits = limits or {}
  local offset = limits.prio_offset or 0
  local cpus = limits.cpus or L4.Cpu_set:new()
  local factory = limits.fab or self.sched_fab
  return factory:create(Proto.Scheduler, limits.prio_limit or offset + 10, offset, cpus:factory_args())
end

-- What a script can say of what a program gets.
local wishes = {
  "base", "caps", "dbg_events", "factory", "l4re_dbg", "l4re_loader", "ldr_flags", "loader", "log", "log_fab", "mem", "ns_fab",
  "rm_fab", "scheduler",
}
local is_wish = {}
for _, name in ipairs(wishes) do
  is_wish[name] = true
end

-- The words of a command line, then the environment.
function Loader.split_args(command, environment)
  local words = {}
  for word in command:gmatch("%S+") do
    words[#words + 1] = word
  end
  words[#words + 1] = environment
  return table.unpack(words)
end

-- Starts a program: `env` says what it gets, `command` is its file and its arguments separated by
-- spaces, `environment` the environment variables it sees. Returns the task.
function Loader:start(env, command, environment)
  check_class(self, Loader)
  check(command, "string", "start, program and arguments")
  return self:startv(env, self.split_args(command, environment))
end

-- The same with each argument as a value of its own, so that they may hold spaces.
function Loader:startv(env, program, ...)
  check_class(self, Loader)
  check(program, "string", "startv, program")
  env = copy(check(env or {}, "table", "start, what the program gets"))
  for name in pairs(env) do
    if not is_wish[name] then
      print(("ned: note: '%s' means nothing in what %s gets; there are %s"):format(name, program, table.concat(wishes, ", ")))
    end
  end
  if env.caps == nil or is_plain_table(env.caps) then
    local caps = {}
    for name, value in pairs(env.caps or {}) do
      caps[name] = is_plain_table(value) and self:create_namespace(value) or value
    end
    for name, value in pairs(self.default_caps or { rom = Env.rom and Env.rom:m("r") }) do
      if caps[name] == nil then
        caps[name] = value
      end
    end
    env.caps = caps
  end
  env.loader = self
  return L4.App_env.new(env):start(program, ...)
end

-- Programs' environments -------------------------------------------------------------------------

-- What a program gets: a loader's defaults, with what a script says over them.
local App_env = {}
App_env.__index = App_env
L4.App_env = App_env

function App_env.new(env)
  env = env or {}
  local loader = env.loader or L4.default_loader
  env.loader = loader
  env.mem = env.mem or loader.mem
  env.factory = env.factory or loader.factory
  env.rm_fab = env.rm_fab or loader.rm_fab
  env.log_fab = env.log_fab or loader.log_fab
  env.scheduler = env.scheduler or loader.scheduler or Env.scheduler
  env.dbg_events = env.dbg_events or loader.dbg_events
  env.l4re_dbg = env.l4re_dbg or L4.Dbg.Warn
  env.log = resolved(env.log)
  if env.log == nil then
    env.log = {}
  end
  return setmetatable(env, App_env)
end

-- The program's log: the one it is given, or a new one with tag and colour. The tag is the program's
-- name unless the script says otherwise.
local function create_log(env, program)
  if not is_plain_table(env.log) then
    return env.log
  end
  if env.log_fab == nil then
    fail("there is no factory for the program's log")
  end
  local arguments = copy(env.log)
  arguments[1] = arguments[1] or program:match("[^/]*$")
  return env.log_fab:create(Proto.Log, table.unpack(arguments))
end

function App_env:start(program, ...)
  check_class(self, App_env)
  local arguments = table.pack(program, ...)
  local environment
  if type(arguments[arguments.n]) == "table" then
    environment = arguments[arguments.n]
    arguments[arguments.n] = nil
  end
  local caps = {}
  for name, value in pairs(self.caps or {}) do
    caps[name] = resolved(value, self.caps)
  end
  return native.start({
    arguments = arguments,
    environment = environment or {},
    caps = caps,
    log = create_log(self, program),
    mem = resolved(self.mem, self),
    factory = resolved(self.factory, self),
    scheduler = resolved(self.scheduler, self),
    rm_fab = resolved(self.rm_fab, self),
    dbg_events = resolved(self.dbg_events, self),
    service = self.l4re_loader or "rom/l4re",
    load_base = self.base,
    l4re_dbg = self.l4re_dbg,
    ldr_flags = self.ldr_flags or 0,
  })
end

function App_env:set_mem_alloc(mem)
  check_class(self, App_env)
  self.mem = mem
end

function App_env:set_loader_fab(factory)
  check_class(self, App_env)
  self.log_fab, self.ns_fab, self.rm_fab = factory, factory, factory
end

L4.default_loader = Loader.new {
  factory = Env.factory,
  mem = Env.mem_alloc,
  dbg_events = Env.dbg_events,
}

-- CPU sets ---------------------------------------------------------------------------------------

-- A set of CPUs: L4.Cpu_set:new() is all, :new{} none, :new(3), :new("0-3"), :new{ "0-3", 5 } those.
-- a | b is the union, a & b the intersection.
local Cpu_set = {}
Cpu_set.__index = Cpu_set
L4.Cpu_set = Cpu_set

local function new_set(all)
  return setmetatable({ all = all, set = {} }, Cpu_set)
end

function Cpu_set:new(cpus)
  local set = new_set(cpus == nil)
  for _, cpu in ipairs(type(cpus) == "table" and cpus or { cpus }) do
    set:add(cpu)
  end
  return set
end

-- Adds a CPU by its number, or a range such as "0-3".
function Cpu_set:add(cpu)
  if self.all then
    return
  end
  local first, last = tostring(cpu):match("^(%d+)%-?(%d*)$")
  first = math.tointeger(tonumber(first))
  last = math.tointeger(tonumber(last)) or first
  if first == nil or first > last or last > 65535 then
    fail(("'%s' is no CPU and no range of CPUs such as \"0-3\""):format(tostring(cpu)))
  end
  for number = first, last do
    self.set[number] = true
  end
end

-- The CPUs in ascending order.
local function members(set)
  local numbers = {}
  for number in pairs(set.set) do
    numbers[#numbers + 1] = number
  end
  table.sort(numbers)
  return numbers
end

function Cpu_set:__tostring()
  return self.all and "{ all }" or "{" .. table.concat(members(self), ", ") .. "}"
end

function Cpu_set:__bor(other)
  local union = new_set(self.all or other.all)
  for _, set in ipairs(union.all and {} or { self, other }) do
    for number in pairs(set.set) do
      union.set[number] = true
    end
  end
  return union
end

function Cpu_set:__band(other)
  local both = new_set(self.all and other.all)
  for _, set in ipairs(both.all and {} or { self, other }) do
    for number in pairs(set.set) do
      both.set[number] = (self.all or self.set[number]) and (other.all or other.set[number]) or nil
    end
  end
  return both
end

-- The set as words of a factory's arguments, one bit per CPU; none for all CPUs.
function Cpu_set:factory_args()
  if self.all then
    return
  end
  local bits = L4.Info.mword_bits()
  local numbers, words = members(self), {}
  for word = 0, (numbers[#numbers] or 0) // bits do
    words[word + 1] = 0
  end
  for _, number in ipairs(numbers) do
    words[number // bits + 1] = words[number // bits + 1] | 1 << number % bits
  end
  return table.unpack(words)
end
