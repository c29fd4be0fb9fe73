-- A program that draws: it gets the screen, under the name by which it asks for it.
local L4 = require("L4");
L4.default_loader:start({ caps = { vesa = L4.Env.vesa }, log = { "fbdemo", "cyan" } }, "rom/fbdemo");
