namespace Pith.Kernels.Jit;

/// <summary>A y A' of <see cref="WinogradPoints"/> for gradients of results: the transpose of the results' transform, as weight gradients need it.</summary>
/// <param name="spec">Sizes, those of a tile of results.</param>
internal sealed class WinogradFp32GradientEmitter(WinogradFp32TileSpec spec) : WinogradFp32TileEmitter(spec)
{
    // Along columns, then along rows.
    protected override void Transform(WinogradTransformEmitter transform, Stack<int> free)
    {
        var outputs = Points.Outputs;
        var columns = new int[outputs][];
        for (var column = 0; column < outputs; column++)
            columns[column] = transform.AtPoints([.. Enumerable.Range(0, outputs).Select(row => LoadTo(free.Pop(), row, column))], free);
        for (var row = 0; row < Size; row++)
        {
            var results = transform.AtPoints([.. columns.Select(column => column[row])], free);
            for (var column = 0; column < Size; column++) Store(row, column, results[column]);
            foreach (var register in results) free.Push(register);
        }
    }
}
