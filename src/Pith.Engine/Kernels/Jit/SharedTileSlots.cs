namespace Pith.Kernels.Jit;

/// <summary>
/// Where the gathered pixels of each step lie: slots are used again in a cycle that goes on from task to task, and no two steps within <see cref="Ahead"/> of each other have the same one. So step k may be multiplied while
/// step k + Ahead is gathered.
/// </summary>
/// <param name="Steps">Steps of a task.</param>
/// <param name="Ahead">How many steps are gathered ahead.</param>
internal readonly record struct SharedTileSlots(int Steps, int Ahead)
{
    /// <summary>With the most steps ahead, up to a number, for which there are such slots.</summary>
    public static SharedTileSlots For(int steps, int most)
    {
        var ahead = most;
        // Steps are made of cycles of Ahead + 1 and Ahead + 2 slots.
        while (steps % (ahead + 1) * (ahead + 2) > steps) ahead--;
        return new(steps, ahead);
    }

    /// <summary>Steps after which slots repeat, once the longer cycles are over.</summary>
    public int Period => Ahead + 1;

    /// <summary>Slots, at most.</summary>
    public int Count => Ahead + 2;

    // Steps in cycles that are one longer; they come first.
    private int Longer => Steps % Period * (Period + 1);

    /// <summary>The slot of a step.</summary>
    public int Of(int step) => step < Longer ? step % (Period + 1) : (step - Longer) % Period;

    /// <summary>The steps before a loop over <see cref="Period"/> steps, at least this many, and its rounds. While the last step and those of the next task are gathered, there is no loop.</summary>
    public (int Head, int Rounds) Loop(int least)
    {
        var head = Math.Min(Steps, Math.Max(least, Longer));
        var rounds = Math.Max(0, (Steps - 1 - Ahead - head) / Period);
        return rounds > 1 ? (head, rounds) : (Steps, 0);
    }
}
