using Pith.Ops;

namespace Pith.Training;

/// <summary>Gives a network whose file fixes the batch one that is open, so that it can be run with any number of images at once.</summary>
internal static class BatchAxis
{
    private const string Symbol = "N";

    // Any two batches that are not 1: types that are right at both hold for all.
    private static readonly int[] _probes = [2, 3];

    /// <summary>
    /// <paramref name="network"/> itself when its batch is open; else a copy in which the first axis of its inputs is <c>N</c>, and the shapes that a Reshape was given follow it. Null when the network computes across its
    /// images, or has their number in it elsewhere.
    /// </summary>
    /// <param name="network">A network; not changed. Its first output has the batch as its first axis.</param>
    public static Graph? Open(Graph network)
    {
        ArgumentNullException.ThrowIfNull(network);
        if (network.Inputs.Count == 0 || network.Inputs[0].Type is not { Rank: > 0 } images || !images[0].IsFixed) return network;
        try
        {
            var open = Copy(network, images[0].Size);
            if (open.Outputs[0].Type is not { Rank: > 0 } scores || scores[0] != Dim.Named(Symbol)) return null;
            foreach (var batch in _probes.Prepend(images[0].Size))
            {
                var outputs = open.Clone((Symbol, batch)).Outputs;
                for (var i = 0; i < outputs.Count; i++)
                    if (!IsScaled(network.Outputs[i].Type, outputs[i].Type, images[0].Size, batch)) return null;
            }
            return open;
        }
        catch (PithException)
        {
            // A type that does not fit another batch: the network is for this one only. The caller says so.
            return null;
        }
    }

    private static Graph Copy(Graph network, int batch)
    {
        var copy = new Graph(network.Name);
        foreach (var (key, text) in network.Metadata) copy.Metadata[key] = text;
        var copies = new Dictionary<Value, Value>(ReferenceEqualityComparer.Instance);
        foreach (var input in network.Inputs)
            copies[input] = copy.AddInput(input.Name, input.Type.Rank > 0 && input.Type[0] == batch ? input.Type.With([Dim.Named(Symbol), .. input.Type.Dims.Skip(1)]) : input.Type);
        foreach (var constant in network.Constants) copies[constant] = copy.AddConstant(constant.Name, constant.Constant!);
        foreach (var node in network.Nodes)
        {
            var inputs = node.Inputs.Select(input => input is null ? null : copies[input]).ToArray();
            if (node.Op is Reshape && inputs[1]!.Constant is not null && !inputs[0]!.Type.IsStatic) inputs[1] = copy.AddConstant(inputs[1]!.Name, OpenShape(node));
            var made = copy.AddNode(node.Op, inputs, node.Name, [.. node.Outputs.Select(output => output.Name)]);
            for (var i = 0; i < made.Outputs.Count; i++) copies[node.Outputs[i]] = made.Outputs[i];
        }
        foreach (var output in network.Outputs) copy.AddOutput(copies[output]);
        return copy;
    }

    /// <summary>The shape with its first axis left open: the batch, or what the batch is a factor of.</summary>
    private static Tensor<long> OpenShape(Node reshape)
    {
        var sizes = reshape.Output.Type.Dims.Select(dim => (long)dim.Size).ToArray();
        // 0 keeps the operand's own first axis; -1 is what the other sizes leave.
        if (sizes.Length > 0) sizes[0] = reshape.Op is Reshape { AllowZero: false } && reshape.Inputs[0]!.Type is { Rank: > 0 } x && x[0] == (int)sizes[0] ? 0 : -1;
        return Tensor.Vector(sizes);
    }

    private static bool IsScaled(TensorType from, TensorType to, int fromBatch, int toBatch) =>
        from.Rank == to.Rank && from.Rank > 0 && (long)from[0].Size * toBatch == (long)to[0].Size * fromBatch && from.Dims.Skip(1).SequenceEqual(to.Dims.Skip(1));
}
