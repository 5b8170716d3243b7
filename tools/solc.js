#!/usr/bin/env node
// The npm compiler under the command line of the native one, as far as brownie, py-solc-x, forge, slither and
// halmos use it: `--version`, and `--standard-json` from standard input with imports read from disk.
"use strict";

const fs = require("fs");
const path = require("path");

const options = { basePath: "", includePaths: [], standardJson: false, version: false };

function fail(message) {
  console.error(message);
  process.exit(1);
}

function parse(args) {
  for (let i = 0; i < args.length; i++) {
    const [name, inline] = args[i].split(/=(.*)/s);
    const value = () => (inline !== undefined ? inline : args[++i]);
    if (name === "--version") options.version = true;
    else if (name === "--standard-json") options.standardJson = true;
    else if (name === "--base-path") options.basePath = value();
    else if (name === "--include-path") options.includePaths.push(value());
    // Reading is not fenced in here: everything that is compiled lies in the project or was named by its lock file.
    else if (name === "--allow-paths") value();
    else if (name === "-" || name === "--no-color") continue;
    else fail(`solc wrapper: ${args[i]} is not supported; use --standard-json and its settings`);
  }
}

function readImport(name) {
  const file = name.startsWith("file://") ? name.slice("file://".length) : name;
  const candidates = path.isAbsolute(file)
    ? [file]
    : [options.basePath || ".", ...options.includePaths].map((folder) => path.join(folder, file));
  for (const candidate of candidates) {
    try {
      return { contents: fs.readFileSync(candidate, "utf8") };
    } catch (error) {
      if (error.code !== "ENOENT" && error.code !== "ENOTDIR") return { error: `${candidate}: ${error.message}` };
    }
  }
  return { error: `File not found: ${name}` };
}

parse(process.argv.slice(2));
// Loading the compiler takes half a second: after the command line is known to make sense.
const solc = require("solc");
if (options.version) {
  console.log("solc, the solidity compiler commandline interface");
  console.log(`Version: ${solc.version()}`);
} else if (options.standardJson) {
  const output = solc.compile(fs.readFileSync(0, "utf8"), { import: readImport });
  // A pipe takes only 64 KiB at once, and process.exit() would cut the rest off: write synchronously.
  let bytes = Buffer.from(output + "\n");
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(fs.writeSync(1, bytes));
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
    }
  }
} else {
  fail("solc wrapper: say --version or --standard-json");
}
