using Pith.Ops;

namespace Pith.Building;

/// <summary>Mixes the groups of channels (ShuffleNet, Zhang et al. 2017): channel k * groups + g of the result is channel g * C / groups + k of x [N, C, spatial...].</summary>
/// <param name="Groups">Groups that the channels of x come in.</param>
internal sealed record ChannelShuffle(int Groups) : Op
{
    private static readonly OpSchema s_schema = new("ChannelShuffle", reader => throw reader.Error("ChannelShuffle is made by the engine and is in no file")) { Domain = OpSchema.PithDomain };

    public override OpSchema Schema => s_schema;

    public override ValueList<TensorType> Infer(InferContext context) => [context.Type(0)];

    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var shape = inputs[0]!.Shape;
        var pixels = shape.LengthOf(2, shape.Rank);
        var groups = inputs[0]!.Reshape(new Shape(shape[0], Groups, shape[1] / Groups, pixels));
        return [new Transpose([0, 2, 1, 3]).Evaluate([groups], 1)[0].Reshape(shape)];
    }

    protected override bool PrintMembers(System.Text.StringBuilder builder)
    {
        builder.Append($"{Groups} groups");
        return true;
    }
}
