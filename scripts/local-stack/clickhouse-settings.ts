import type { ClickHousePorts } from './port-plan.ts'

export type ClickHouseSettingsOptions = {
  path: string
  ports: ClickHousePorts
  maxServerMemoryBytes: number
}

const MEBIBYTE = 1024 ** 2

type Element = { [name: string]: string | number | Element }

/** The server's configuration file. README.md beside this file lists what tests may rely on. */
export function clickHouseConfiguration({
  path,
  ports,
  maxServerMemoryBytes,
}: ClickHouseSettingsOptions): string {
  const configuration: Element = {
    path,
    tmp_path: `${path}/tmp`,
    listen_host: '127.0.0.1',
    http_port: ports.http,
    tcp_port: ports.tcp,
    logger: { console: 1, color_terminal: 0 },
    // The engine takes the level from here and not from the logger's own setting.
    'log-level': 'information',
    max_server_memory_usage: maxServerMemoryBytes,
    mark_cache_size: 128 * MEBIBYTE,
    uncompressed_cache_size: 0,
    // Keep-alive longer than any client's idle time, so that no client meets a closed connection.
    keep_alive_timeout: 60,
    // Whatever is asked comes before merges, of which there are more at a time than cores. Only for root (CAP_SYS_NICE).
    os_threads_nice_value_merge_mutate: 19,
    ...SMALL_POOLS,
  }
  return toXml('clickhouse', configuration, '')
}

function toXml(name: string, content: string | number | Element, indent: string): string {
  if (typeof content !== 'object') return `${indent}<${name}>${escapeXml(String(content))}</${name}>\n`
  const children = Object.entries(content).map(([child, value]) => toXml(child, value, `${indent}  `))
  return `${indent}<${name}>\n${children.join('')}${indent}</${name}>\n`
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

/** For two cores. The three merge_tree limits must stay below the pool: the defaults are for 16 threads. */
const SMALL_POOLS: Element = {
  background_pool_size: 4,
  background_merges_mutations_concurrency_ratio: 2,
  background_common_pool_size: 2,
  background_fetches_pool_size: 1,
  background_move_pool_size: 1,
  background_buffer_flush_schedule_pool_size: 1,
  background_message_broker_schedule_pool_size: 1,
  background_distributed_schedule_pool_size: 1,
  background_schedule_pool_size: 8,
  merge_tree: {
    number_of_free_entries_in_pool_to_execute_mutation: 2,
    number_of_free_entries_in_pool_to_lower_max_size_of_merge: 2,
    number_of_free_entries_in_pool_to_execute_optimize_entire_partition: 2,
  },
}
