-- What `make run` takes: both exercises, one after the other, then the power is switched off.
local L4 = require("L4");

L4.default_loader:start({ log = { "hello", "cyan" } }, "rom/hello"):wait();
L4.default_loader:start({ log = { "acker", "yellow" } }, "rom/ackermann"):wait();

L4.Env.icu:shutdown();
