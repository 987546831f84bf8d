namespace Pith.Ops;

/// <summary>Float tensors of any width as doubles: the reference computes in double precision and rounds once.</summary>
internal static class Reals
{
    /// <summary>The elements as doubles; the tensor's own memory when they are doubles already, so read-only.</summary>
    public static double[] Of(Tensor tensor) => tensor.ConvertTo(DataType.Float64).As<double>().Data;

    /// <summary>The elements as doubles, or null for an absent operand.</summary>
    public static double[]? OfOptional(IReadOnlyList<Tensor?> inputs, int index) => index < inputs.Count && inputs[index] is { } tensor ? Of(tensor) : null;

    /// <summary>A tensor of type <paramref name="type"/> with these elements, each rounded to nearest.</summary>
    public static Tensor Create(DataType type, Shape shape, double[] elements) => Tensor.Create(shape, elements).ConvertTo(type);

    /// <summary>Requires a float operand.</summary>
    public static TensorType FloatType(InferContext context, int operand) =>
        context.Type(operand) is var type && type.DataType.IsFloat() ? type : throw context.Error($"operand {operand} must be a float tensor, got {type}");
}
