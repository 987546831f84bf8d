namespace Pith.Compression.Data;

/// <summary>The shapes of <see cref="ProceduralDataset"/>, each about as large as the unit circle.</summary>
internal enum ProceduralShape
{
    Disc,
    Ring,
    Square,
    Triangle,
    Star,
}

/// <summary>Signed distances to the outlines: negative inside, 0 on the outline, about the distance to it elsewhere.</summary>
internal static class ProceduralShapes
{
    // A five-pointed star folded into one tenth of itself has a single edge, from the tip (1, 0) to the valley at 36 degrees.
    private const float Cos36 = 0.80901699f, Sin36 = 0.58778525f, ValleyRadius = 0.45f;

    /// <param name="shape">Which shape.</param>
    /// <param name="hole">Radius of the hole of a ring.</param>
    /// <param name="x">Position, in units of the shape's radius.</param>
    /// <param name="y">Position, in units of the shape's radius.</param>
    public static float Distance(this ProceduralShape shape, float hole, float x, float y) => shape switch
    {
        ProceduralShape.Disc => MathF.Sqrt(x * x + y * y) - 1,
        ProceduralShape.Ring => Ring(MathF.Sqrt(x * x + y * y), hole),
        ProceduralShape.Square => MathF.Max(MathF.Abs(x), MathF.Abs(y)) - 0.85f,
        ProceduralShape.Triangle => MathF.Max(-y, 0.8660254f * MathF.Abs(x) + 0.5f * y) - 0.6f,
        _ => Star(x, y),
    };

    private static float Ring(float radius, float hole) => MathF.Max(radius - 1, hole - radius);

    private static float Star(float x, float y)
    {
        // Mirror the point at the axis and at the 36 degree line in turn until it lies in the wedge between them.
        for (var fold = 0; fold < 3; fold++)
        {
            y = MathF.Abs(y);
            var beyond = Cos36 * y - Sin36 * x;
            if (beyond <= 0) break;
            (x, y) = (x + 2 * beyond * Sin36, y - 2 * beyond * Cos36);
        }
        y = MathF.Abs(y);
        const float edgeX = ValleyRadius * Cos36 - 1, edgeY = ValleyRadius * Sin36;
        return (edgeY * (x - 1) - edgeX * y) / 0.69f; // 0.69 is the length of the edge
    }
}
