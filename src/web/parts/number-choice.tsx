// Which layer is shown, or which head: they are counted from 0, as in the parameters' names.

interface Props {
  readonly name: string;
  /** How many there are. */
  readonly of: number;
  readonly at: number;
  readonly choose: (one: number) => void;
}

export function NumberChoice({ name, of, at, choose }: Props) {
  return (
    <label>
      {name}{' '}
      <select value={at} onChange={({ currentTarget }) => choose(Number(currentTarget.value))}>
        {Array.from({ length: of }, (_, i) => (
          <option key={i} value={i}>
            {i}
          </option>
        ))}
      </select>
    </label>
  );
}
