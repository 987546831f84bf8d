using Pith.Ops;

namespace Pith.Building;

/// <summary>y = x followed by copies of some of its channels, along <paramref name="Axis"/>. An op of the engine's own: see <see cref="SignedWeights"/>.</summary>
/// <param name="Axis">The axis of the channels.</param>
/// <param name="Channels">Those that are repeated, in order.</param>
internal sealed record RepeatChannels(int Axis, ValueList<int> Channels) : Op
{
    public static OpSchema Definition { get; } = new("RepeatChannels", reader => throw reader.Error("this op is made by the engine, it is not read from files")) { Domain = OpSchema.PithDomain };

    public override OpSchema Schema => Definition;

    public override ValueList<TensorType> Infer(InferContext context)
    {
        var x = context.Type(0);
        return [x.With(x.Dims.Select((dim, axis) => axis == Axis ? dim + Channels.Count : dim).ToValueList())];
    }

    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var x = inputs[0]!;
        var all = Enumerable.Range(0, x.Shape[Axis]).Concat(Channels).Select(channel => (long)channel);
        return new Gather(Axis).Evaluate([x, Tensor.Vector<long>([.. all])], outputCount);
    }
}
