using Pith.Ops;

namespace Pith.Building;

/// <summary>
/// y = (x - mean) / sqrt(variance + epsilon) * scale + bias, with mean and variance of each group of channels of each image (Wu and He 2018). Operands: x [N, C, spatial...], scale [C], bias [C].
/// In files, it is the nodes that <see cref="FindGroupNormalization"/> looks for.
/// </summary>
/// <param name="Groups">Groups that the channels are divided into.</param>
/// <param name="Epsilon">Added to the variance.</param>
internal sealed record GroupNormalization(int Groups, float Epsilon) : Op
{
    private static readonly OpSchema s_schema = new("GroupNormalization", reader => throw reader.Error("GroupNormalization of one node is made by the engine")) { Domain = OpSchema.PithDomain, MinInputs = 3, MaxInputs = 3 };

    public override OpSchema Schema => s_schema;

    public override ValueList<TensorType> Infer(InferContext context) => [context.Type(0)];

    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var x = inputs[0]!;
        var (ones, zeros) = (Tensor.Create(new Shape(Groups), Enumerable.Repeat(1f, Groups).ToArray()), Tensor.Zeros<float>(new Shape(Groups)));
        // Rounded once at the end.
        var grouped = x.Reshape(new Shape(x.Shape[0], Groups, x.Shape.LengthOf(1, x.Shape.Rank) / Groups)).ConvertTo(DataType.Float64);
        var normalized = new InstanceNormalization { Epsilon = Epsilon }.Evaluate([grouped, ones, zeros], 1)[0].As<double>().Data;
        var (scale, bias, pixels) = (inputs[1]!.As<float>().Data, inputs[2]!.As<float>().Data, x.Shape.LengthOf(2, x.Shape.Rank));
        var y = new float[normalized.Length];
        for (var i = 0; i < y.Length; i++) y[i] = (float)(normalized[i] * scale[i / pixels % scale.Length] + bias[i / pixels % bias.Length]);
        return [Tensor.Create(x.Shape, y)];
    }

    protected override bool PrintMembers(System.Text.StringBuilder builder)
    {
        builder.Append($"{Groups} groups");
        return true;
    }
}
