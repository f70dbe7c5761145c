import { SelectField, TextField } from '../parts/fields.tsx'
import type { Meter } from '../types.ts'
import { type ReportChoice, ranges, windows } from './report-choice.ts'
import { fromField, isZone, toField } from './zoned-time.ts'

interface ReportFormProps {
  readonly choice: ReportChoice
  /** Undefined for keys that may not read the catalog. */
  readonly meter: Meter | undefined
  /** Undefined while they are being read; empty for keys that may not read the catalog. */
  readonly meters: readonly string[] | undefined
  readonly update: (changes: Partial<ReportChoice>) => void
}

const zones = Intl.supportedValuesOf('timeZone')

export function ReportForm({ choice, meter, meters, update }: ReportFormProps) {
  const dimensions = dimensionsOf(meter)
  return (
    <section class="card builder" aria-label="Report builder">
      <fieldset>
        <legend>Range</legend>
        <div class="chips">
          {Object.entries(ranges).map(([name, { label, window }]) => (
            <label key={name} class="chip">
              <input
                type="radio"
                name="range"
                checked={choice.range === name}
                onChange={() => update({ range: name, window, from: undefined, to: undefined })}
              />
              {label}
            </label>
          ))}
        </div>
      </fieldset>
      <div class="builder-row">
        {meters === undefined || meters.length > 0 ? (
          <SelectField
            label="Meter"
            value={choice.meter}
            options={meters?.includes(choice.meter) ? meters : [choice.meter, ...(meters ?? [])]}
            onChange={(name) => update({ meter: name })}
          />
        ) : (
          <TextField label="Meter" value={choice.meter} onChange={(name) => update({ meter: name })} />
        )}
        <SelectField
          label="Window"
          value={choice.window}
          options={windows}
          onChange={(window) => update({ window })}
        />
        <TextField
          label="Time zone"
          value={choice.timezone}
          options={zones}
          onChange={(timezone) => {
            if (isZone(timezone)) update({ timezone })
          }}
        />
        <SelectField
          label="Order"
          value={choice.order}
          options={orders(choice)}
          onChange={(order) => update({ order })}
        />
      </div>
      {choice.range === 'custom' && <CustomRange choice={choice} update={update} />}
      {dimensions.length > 0 && (
        <Groups choice={choice} dimensions={dimensions} meter={meter} update={update} />
      )}
    </section>
  )
}

/** An amount has two dimensions of its own. */
function dimensionsOf(meter: Meter | undefined): readonly string[] {
  const own = Object.keys(meter?.groupBy ?? {}).sort()
  return meter?.aggregation === 'amount' ? [...own, 'currency', 'settled'] : own
}

function orders({ groupBy, window }: ReportChoice): [string, string][] {
  return [
    ['', window === 'total' ? 'By group' : 'Oldest window first'],
    ...(window === 'total' ? [] : [['-windowStart', 'Latest window first'] as [string, string]]),
    ['-value', 'Largest value first'],
    ['value', 'Smallest value first'],
    ...groupBy.map((name): [string, string] => [name, `By ${name}`]),
  ]
}

type PartProps = Pick<ReportFormProps, 'choice' | 'update'>

function CustomRange({ choice, update }: PartProps) {
  const { from, to, timezone } = choice
  return (
    <div class="builder-row">
      <TextField
        type="datetime-local"
        label="From"
        value={toField(from, timezone)}
        onChange={(text) => update({ from: fromField(text, timezone) })}
        hint={`In ${timezone}`}
      />
      <TextField
        type="datetime-local"
        label="To, not included"
        value={toField(to, timezone)}
        onChange={(text) => update({ to: fromField(text, timezone) })}
        hint="Now, when it is empty"
      />
    </div>
  )
}

interface GroupsProps extends PartProps {
  readonly dimensions: readonly string[]
  readonly meter: Meter | undefined
}

function Groups({ choice, dimensions, meter, update }: GroupsProps) {
  const { groupBy, filter } = choice
  // Reports of amounts are always by currency and settlement.
  const optional = dimensions.filter(
    (name) => meter?.aggregation !== 'amount' || name in (meter.groupBy ?? {}),
  )
  const toggle = (name: string) => {
    const next = groupBy.includes(name) ? groupBy.filter((it) => it !== name) : [...groupBy, name]
    update({ groupBy: dimensions.filter((it) => next.includes(it)), order: '' })
  }
  return (
    <>
      <fieldset>
        <legend>Group by</legend>
        <div class="chips">
          {optional.map((name) => (
            <label key={name} class="chip">
              <input type="checkbox" checked={groupBy.includes(name)} onChange={() => toggle(name)} />
              {name}
            </label>
          ))}
        </div>
      </fieldset>
      <div class="builder-row">
        {dimensions.map((name) => (
          <TextField
            key={name}
            label={`Only ${name}`}
            value={filter[name] ?? ''}
            placeholder="any; a,b for several"
            onChange={(value) => update({ filter: { ...filter, [name]: value } })}
          />
        ))}
      </div>
    </>
  )
}
