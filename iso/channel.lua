-- A server, a client that may talk to it, and one that may not: what a program can reach is what it was given.
local L4 = require("L4");
local ld = L4.default_loader;

local channel = ld:new_channel();
ld:start({ caps = { calculator = channel:svr() }, log = { "server", "blue" } }, "rom/server");
ld:start({ caps = { calculator = channel }, log = { "client", "green" } }, "rom/client"):wait();
ld:start({ log = { "stranger", "red" } }, "rom/client"):wait();
