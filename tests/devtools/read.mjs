/** Reads a .heapsnapshot with memlab, and writes what it found as JSON: node read.mjs FILE OUT */
import { writeFileSync } from "node:fs";

import analysis from "@memlab/heap-analysis";

const [file, out] = process.argv.slice(2);
const heap = await analysis.getFullHeapFromFile(file);
const types = {};
const retained = [];
heap.nodes.forEach((node) => {
  const found = (types[node.name] ??= { count: 0, size: 0, references: 0 });
  found.count += 1;
  found.size += node.self_size;
  found.references += node.edge_count;
  if (node.name.startsWith("__main__.")) {
    retained.push([node.name, node.retainedSize, node.references.map((edge) => String(edge.name_or_index))]);
  }
});
writeFileSync(out, JSON.stringify({ types, retained, nodes: heap.nodes.length, edges: heap.edges.length }));
