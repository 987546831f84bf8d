namespace Pith.Kernels.Jit;

/// <summary>B' d B of <see cref="WinogradPoints"/>: the transform of inputs.</summary>
/// <param name="spec">Sizes.</param>
internal sealed class WinogradFp32InputEmitter(WinogradFp32TileSpec spec) : WinogradFp32TileEmitter(spec)
{
    // Along columns, then along rows. The inner rows stay in registers from the beginning; the first and the last come and go.
    protected override void Transform(WinogradTransformEmitter transform, Stack<int> free)
    {
        var inner = Size - 2;
        var columns = Enumerable.Range(0, Size).Select(column => Enumerable.Range(1, inner).Select(row => LoadTo(free.Pop(), row, column)).ToArray()).ToArray();
        foreach (var row in (int[])[0, Size - 1])
        {
            var edge = new int[Size];
            for (var column = 0; column < Size; column++)
            {
                edge[column] = LoadTo(free.Pop(), row, column);
                int[] x = [edge[column], .. columns[column], edge[column]];
                if (row == 0) transform.AtZero(x);
                else transform.AtInfinity(x);
            }
            Row(row, edge);
        }
        foreach (var column in columns)
        {
            var temporaries = Enumerable.Range(0, WinogradTransformEmitter.PairTemporaries).Select(_ => free.Pop()).ToArray();
            var results = transform.AtPairs([-1, .. column, -1], temporaries);
            foreach (var register in column.Concat(temporaries).Except(results)) free.Push(register);
            results.CopyTo(column, 0);
        }
        for (var row = 1; row <= inner; row++) Row(row, [.. columns.Select(column => column[row - 1])]);

        // Along a row; its registers are free then.
        void Row(int row, int[] x)
        {
            transform.AtZero(x);
            Store(row, 0, x[0]);
            transform.AtInfinity(x);
            Store(row, Size - 1, x[^1]);
            free.Push(x[0]);
            free.Push(x[^1]);
            var temporaries = free.Take(WinogradTransformEmitter.PairTemporaries).ToArray();
            var results = transform.AtPairs(x, temporaries);
            for (var i = 0; i < results.Length; i++) Store(row, i + 1, results[i]);
            foreach (var register in x[1..^1]) free.Push(register);
        }
    }
}
