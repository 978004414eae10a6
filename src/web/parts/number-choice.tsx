// Which layer is shown.

interface Props {
  readonly layers: number;
  readonly at: number;
  readonly choose: (layer: number) => void;
}

export function LayerChoice({ layers, at, choose }: Props) {
  return (
    <label>
      Layer{' '}
      <select value={at} onChange={({ currentTarget }) => choose(Number(currentTarget.value))}>
        {Array.from({ length: layers }, (_, i) => (
          <option key={i} value={i}>
            {i}
          </option>
        ))}
      </select>
    </label>
  );
}
