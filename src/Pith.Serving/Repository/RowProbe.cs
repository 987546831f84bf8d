namespace Pith.Serving;

/// <summary>
/// Finds out whether requests may share a batch. Sizes alone do not say it: a network that subtracts the mean over the batch has rows, too, and stacking requests of two callers would change what each of
/// them gets. So some rows are kept, the others changed, and the kept rows' results must stay the same, bit for bit, also in the smallest batch.
/// </summary>
internal static class RowProbe
{
    private const int Seed = 20_26;

    /// <summary>Whether a row's results do not depend on the other rows. As a side effect the engine has been run.</summary>
    /// <param name="signature">The engine's inputs and outputs, stackable.</param>
    /// <param name="context">A context of the engine.</param>
    public static bool RowsAreIndependent(ModelSignature signature, EngineContext context)
    {
        var rows = Math.Min(signature.MaxBatch, Math.Max(2, signature.MinBatch));
        if (rows < 2) return false;
        var random = new Random(Seed);
        try
        {
            Fill(signature, context, random, 0, rows);
            context.Run(rows);
            var first = Row(signature, context, 0);
            var last = Row(signature, context, rows - 1);
            Fill(signature, context, random, 0, rows - 1);
            context.Run(rows);
            if (!Same(last, Row(signature, context, rows - 1))) return false;
            random = new Random(Seed);
            Fill(signature, context, random, 0, rows);
            Fill(signature, context, new Random(Seed + 1), 1, rows);
            context.Run(rows);
            if (!Same(first, Row(signature, context, 0))) return false;
            context.Run(signature.MinBatch);
            return Same(first, Row(signature, context, 0));
        }
        catch (PithException)
        {
            // It does not take random data (indices, say): then nothing is known, and requests run alone.
            return false;
        }
    }

    private static void Fill(ModelSignature signature, EngineContext context, Random random, int from, int to)
    {
        foreach (var slot in signature.Inputs)
        {
            var row = slot.Type.With([1, .. slot.Type.Dims.Skip(1)]).ToShape();
            for (var i = from; i < to; i++)
            {
                var values = new float[row.Length];
                // Numbers around 0 for floats; whole numbers are 0 and 1, which are indices of nearly everything, and anything for bytes.
                for (var j = 0; j < values.Length; j++) values[j] = slot.Type.DataType.IsFloat() ? 2 * random.NextSingle() - 1 : random.Next(slot.Type.DataType == DataType.UInt8 ? 256 : 2);
                Tensor.Create(row, values).ConvertTo(slot.Type.DataType).Bytes.CopyTo(context.InputBytes(slot.Name)[slot.OffsetOf(i)..]);
            }
        }
    }

    private static byte[][] Row(ModelSignature signature, EngineContext context, int row) =>
        [.. signature.Outputs.Select(slot => context.OutputBytes(slot.Name).Slice(slot.OffsetOf(row), slot.BytesAt(1)).ToArray())];

    private static bool Same(byte[][] expected, byte[][] got) => expected.Zip(got).All(pair => pair.First.AsSpan().SequenceEqual(pair.Second));
}
